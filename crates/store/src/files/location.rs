//! Where files are kept, as people write it.

use std::path::PathBuf;
use std::time::Duration;

use object_store::aws::AmazonS3ConfigKey;
use syncline_core::{Error, ErrorKind, Result};
use url::Url;

/// How long a request is tried again unless the location says otherwise.
const RETRIED_FOR: Duration = Duration::from_secs(60);
/// Signatures of requests, which tries share, are good for five minutes.
const RETRIED_FOR_MAX: Duration = Duration::from_secs(240);

/// What a location of a bucket may say.
const PARAMETERS: &[&str] = &[
    "endpoint",
    "region",
    "allow_http",
    "access_key_id",
    "secret_access_key",
    "session_token",
    "instance_role",
    "retry_seconds",
];

#[derive(Debug)]
pub(super) enum Location {
    Folder(PathBuf),
    Bucket(Place),
}

/// A bucket and how it is reached. Holds secrets.
pub(super) struct Place {
    pub bucket: String,
    /// Without slashes at its ends; may be empty.
    pub prefix: String,
    pub settings: Vec<(AmazonS3ConfigKey, String)>,
    /// Credentials are asked of the machine (on AWS) if there are none.
    pub instance_role: bool,
    pub retried_for: Duration,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

impl Location {
    /// Errors never repeat what may hold a secret.
    pub fn parse(location: &str) -> Result<Self> {
        let Some((scheme, _)) = location.split_once("://") else {
            return Ok(Self::Folder(PathBuf::from(location)));
        };
        if scheme != "s3" {
            return Err(wrong(format!("files cannot be kept at '{scheme}://'")));
        }
        let url = Url::parse(location)
            .map_err(|e| wrong(format!("the location of the files is not an address: {e}")))?;
        let bucket = url.host_str().unwrap_or_default().to_string();
        if bucket.is_empty() {
            return Err(wrong("the location of the files names no bucket"));
        }
        if !url.username().is_empty() || url.password().is_some() || url.port().is_some() {
            return Err(wrong("between 's3://' and the next slash there is only the name of the bucket"));
        }
        let prefix = url.path().trim_matches('/').to_string();
        let mut place =
            Place { bucket, prefix, settings: vec![], instance_role: false, retried_for: RETRIED_FOR };
        for (name, value) in url.query_pairs() {
            place.set(&name, value.into_owned())?;
        }
        Ok(Self::Bucket(place))
    }
}

impl Place {
    fn set(&mut self, name: &str, value: String) -> Result<()> {
        let key = match name {
            "endpoint" => AmazonS3ConfigKey::S3Endpoint,
            "region" => AmazonS3ConfigKey::Region,
            "access_key_id" => AmazonS3ConfigKey::AccessKeyId,
            "secret_access_key" => AmazonS3ConfigKey::SecretAccessKey,
            "session_token" => AmazonS3ConfigKey::Token,
            "allow_http" => {
                let allowed = truth(name, &value)?.to_string();
                let key = AmazonS3ConfigKey::Client(object_store::ClientConfigKey::AllowHttp);
                self.settings.push((key, allowed));
                return Ok(());
            }
            "instance_role" => {
                self.instance_role = truth(name, &value)?;
                return Ok(());
            }
            "retry_seconds" => {
                let seconds = value.parse().ok().filter(|s| *s <= RETRIED_FOR_MAX.as_secs());
                let seconds = seconds.ok_or_else(|| {
                    wrong(format!("'retry_seconds' is a whole number up to {}", RETRIED_FOR_MAX.as_secs()))
                })?;
                self.retried_for = Duration::from_secs(seconds);
                return Ok(());
            }
            _ => return Err(wrong(format!("the location of the files has an unknown setting '{name}'"))),
        };
        self.settings.push((key, value));
        Ok(())
    }
}

fn truth(name: &str, value: &str) -> Result<bool> {
    value.parse().map_err(|_| wrong(format!("'{name}' of the location of the files is true or false")))
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidConfig, message).help(format!(
        "write a folder, or s3://BUCKET/PREFIX?SETTING=VALUE&… with the settings {}",
        PARAMETERS.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(location: &str) -> Place {
        match Location::parse(location).unwrap() {
            Location::Bucket(place) => place,
            Location::Folder(folder) => panic!("{folder:?}"),
        }
    }

    #[test]
    fn a_location_is_a_folder_or_a_bucket() {
        for folder in ["/var/lib/syncline", "state", "./s3/x"] {
            assert!(matches!(Location::parse(folder).unwrap(), Location::Folder(f) if f == *folder));
        }
        let found = place(
            "s3://files/a/b/?endpoint=http://127.0.0.1:9000&allow_http=true&secret_access_key=a%2Bb&retry_seconds=5",
        );
        assert_eq!((found.bucket.as_str(), found.prefix.as_str()), ("files", "a/b"));
        assert_eq!(found.retried_for, Duration::from_secs(5));
        let settings: Vec<_> = found.settings.iter().map(|(k, v)| (k.as_ref(), v.as_str())).collect();
        assert_eq!(
            settings,
            [
                ("aws_endpoint_url_s3", "http://127.0.0.1:9000"),
                ("allow_http", "true"),
                ("aws_secret_access_key", "a+b")
            ]
        );
        assert_eq!(place("s3://files").prefix, "");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_without_repeating_secrets() {
        for wrong in [
            "gs://bucket/x?secret_access_key=hunter2",
            "s3:///x?secret_access_key=hunter2",
            "s3://me:hunter2@bucket/x",
            "s3://bucket:9000/x?secret_access_key=hunter2",
            "s3://bucket?secret_acess_key=hunter2",
            "s3://bucket?secret_access_key=hunter2&allow_http=hunter2",
            "s3://bucket?retry_seconds=241",
        ] {
            let e = Location::parse(wrong).unwrap_err();
            assert_eq!(e.kind, ErrorKind::InvalidConfig, "{wrong}");
            let said = format!("{e} {e:?}");
            assert!(!said.contains("hunter2"), "{said}");
        }
        assert!(!format!("{:?}", place("s3://b/x?secret_access_key=hunter2")).contains("hunter2"));
    }
}
