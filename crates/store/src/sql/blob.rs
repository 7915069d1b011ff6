//! Records as stored: JSON under a version tag, `{"v":1,"record":…}`.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use syncline_core::{Error, ErrorKind, Result};

/// The version this program writes and the newest it reads.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Tagged<'a, T> {
    v: u32,
    record: &'a T,
}

#[derive(Deserialize)]
struct Stored<T> {
    v: u32,
    record: T,
}

#[derive(Deserialize)]
struct Tag {
    v: u32,
}

/// The stored form of `record`.
pub fn encode<T: Serialize>(record: &T) -> Result<String> {
    serde_json::to_string(&Tagged { v: VERSION, record })
        .map_err(|e| Error::internal("a record cannot be written as JSON").caused_by(e))
}

/// As [`encode`], and makes sure that the stored form can be read again.
///
/// Records with floating point fields need it: JSON has no NaN, and one such number would make the
/// record, and every list that it is in, unreadable for good.
pub fn encode_verified<T: Serialize + DeserializeOwned>(record: &T, what: &str) -> Result<String> {
    let text = encode(record)?;
    match serde_json::from_str::<Stored<T>>(&text) {
        Ok(_) => Ok(text),
        Err(e) => Err(Error::internal(format!("{what} would be unreadable once stored")).caused_by(e)),
    }
}

/// Reads a stored record; `what` names it in errors.
pub fn decode<T: DeserializeOwned>(text: &str, what: &str) -> Result<T> {
    match serde_json::from_str::<Stored<T>>(text) {
        Ok(stored) if stored.v <= VERSION => Ok(stored.record),
        Ok(_) => Err(too_new(what)),
        Err(_) if serde_json::from_str::<Tag>(text).is_ok_and(|tag| tag.v > VERSION) => Err(too_new(what)),
        Err(e) => Err(Error::new(ErrorKind::Corrupt, format!("{what} in the state store cannot be read"))
            .help("restore the state folder from a backup")
            .caused_by(e)),
    }
}

fn too_new(what: &str) -> Error {
    Error::new(ErrorKind::StateTooNew, format!("{what} was stored by a newer version of syncline"))
        .help("run the newer version")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_as_it_was() {
        let text = encode(&vec![1, 2]).unwrap();
        assert_eq!(text, r#"{"v":1,"record":[1,2]}"#);
        assert_eq!(decode::<Vec<i32>>(&text, "list").unwrap(), [1, 2]);
    }

    #[test]
    fn a_newer_record_is_refused_whether_or_not_it_looks_readable() {
        for text in [r#"{"v":2,"record":[1]}"#, r#"{"v":2,"other":{}}"#] {
            assert_eq!(decode::<Vec<i32>>(text, "list").unwrap_err().kind, ErrorKind::StateTooNew, "{text}");
        }
    }

    #[test]
    fn a_damaged_record_is_named() {
        for text in ["", "{", r#"{"v":1,"record":"x"}"#, r#"{"record":[]}"#] {
            let e = decode::<Vec<i32>>(text, "run run_1").unwrap_err();
            assert_eq!(e.kind, ErrorKind::Corrupt, "{text}");
            assert!(e.message.contains("run run_1"));
        }
    }

    #[test]
    fn a_number_that_json_cannot_hold_is_refused_before_it_is_stored() {
        assert!(encode_verified(&vec![1.5], "numbers").is_ok());
        assert_eq!(encode_verified(&vec![f64::NAN], "numbers").unwrap_err().kind, ErrorKind::Internal);
    }
}
