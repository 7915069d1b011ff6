//! What requests bring: bodies, query parameters and pages, with errors that say what is wrong.

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use syncline_core::ErrorKind;
use syncline_store::Page;
use utoipa::IntoParams;

use crate::problem::{Answer, Fault};

/// Most records of one page of the API.
pub const PER_PAGE_MAX: u64 = 200;
/// The last page that can be asked for.
pub const PAGE_MAX: u64 = 1_000_000_000;
/// Records of a page unless asked otherwise.
const PER_PAGE: u64 = 20;

/// A JSON body.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fault> {
        let axum::Json(value) = axum::Json::<T>::from_request(request, state).await.map_err(of_json)?;
        Ok(Body(value))
    }
}

/// A JSON body that may be left out.
pub struct OptionalBody<T>(pub T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalBody<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fault> {
        let is_json = request
            .headers()
            .get(axum::http::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(|value| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
        let bytes = axum::body::Bytes::from_request(request, state).await.map_err(|e| {
            let kind = match e.status() {
                StatusCode::PAYLOAD_TOO_LARGE => ErrorKind::TooLarge,
                _ => ErrorKind::BadUsage,
            };
            Fault::new(kind, e.body_text())
        })?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        if is_json.as_deref() != Some("application/json") {
            return Err(wrong_type());
        }
        let value = serde_json::from_slice::<Option<T>>(&bytes)
            .map(Option::unwrap_or_default)
            .map_err(|e| Fault::new(ErrorKind::BadUsage, format!("the body is not what is expected: {e}")))?;
        Ok(Self(value))
    }
}

fn wrong_type() -> Fault {
    let message = "the body must be JSON, sent as `content-type: application/json`";
    Fault::new(ErrorKind::BadUsage, message).with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE)
}

fn of_json(rejection: JsonRejection) -> Fault {
    match &rejection {
        JsonRejection::MissingJsonContentType(_) => wrong_type(),
        _ if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Fault::new(ErrorKind::TooLarge, rejection.body_text())
        }
        _ => Fault::new(ErrorKind::BadUsage, rejection.body_text()),
    }
}

/// Query parameters. Unknown ones are refused by the types themselves.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let Query(value) = Query::<T>::from_request_parts(parts, state)
            .await
            .map_err(|e: QueryRejection| Fault::new(ErrorKind::BadUsage, e.body_text()))?;
        Ok(Params(value))
    }
}

/// Which page of a list.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// From 1.
    #[param(minimum = 1, maximum = 1000000000)]
    pub page: Option<u64>,
    /// 20 unless given.
    #[param(minimum = 1, maximum = 200)]
    pub per_page: Option<u64>,
}

/// The page that is asked for.
pub fn page(number: Option<u64>, size: Option<u64>, default: u64) -> Answer<Page> {
    let (number, size) = (number.unwrap_or(1), size.unwrap_or(default));
    if number == 0 || number > PAGE_MAX {
        return Err(Fault::new(ErrorKind::BadUsage, format!("page is from 1 to {PAGE_MAX}")));
    }
    if size == 0 || size > PER_PAGE_MAX {
        return Err(Fault::new(ErrorKind::BadUsage, format!("per_page is from 1 to {PER_PAGE_MAX}")));
    }
    Ok(Page { number, size })
}

impl Paging {
    pub fn page(self) -> Answer<Page> {
        page(self.page, self.per_page, PER_PAGE)
    }
}

/// A list parameter: values separated by commas, each read by `parse`.
pub fn each<T>(
    name: &str,
    text: Option<&str>,
    known: &[&str],
    parse: impl Fn(&str) -> Option<T>,
) -> Answer<Vec<T>> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let read = |word: &str| {
        parse(word.trim()).ok_or_else(|| {
            let shown: String = word.chars().take(60).collect();
            let error = syncline_core::Error::new(ErrorKind::BadUsage, format!("{name} cannot be '{shown}'"));
            Fault::from(error.help(format!("it is one of {}", known.join(", "))))
        })
    };
    text.split(',').map(read).collect()
}
