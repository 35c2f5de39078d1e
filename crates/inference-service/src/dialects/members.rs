//! The JSON of a request: which of the forms of the dialects it has.
//!
//! Rule of thumb: members that a dialect has beside its data (`params`, `parameters`, `signature_name`) are passed over, as
//! a model of ONNX passes them over with the servers that these dialects are of.

use axum::body::Bytes;
use monitoring::ApiError;
use prediction_record::read_json;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::refusal::invalid;
use crate::rows::without_no_numbers;

/// The data of a request as JSON; its model is not known yet.
#[derive(Debug, PartialEq)]
pub(super) enum JsonData {
    /// `instances`: a list, an element for each item.
    Instances(Bytes),
    /// `inputs`: a tensor, or tensors by name.
    Inputs(Bytes),
    /// `dataframe_split`: names of columns, and lists of rows.
    Split(Bytes),
    /// `dataframe_records`: an object for each row.
    Records(Bytes),
}

/// The members that have data.
#[derive(Deserialize)]
struct DataMembers<'a> {
    #[serde(borrow)]
    instances: Option<&'a RawValue>,
    #[serde(borrow)]
    inputs: Option<&'a RawValue>,
    #[serde(borrow)]
    dataframe_split: Option<&'a RawValue>,
    #[serde(borrow)]
    dataframe_records: Option<&'a RawValue>,
}

impl JsonData {
    /// Reads a body. NaN and infinity, which JSON does not have, become `null`: a value that is missing.
    ///
    /// # Errors
    /// `invalid_request` for anything else than an object with one of these members.
    pub(super) fn read(body: &Bytes) -> Result<Self, ApiError> {
        match read_json::<DataMembers<'_>>(body) {
            Ok(members) => members.data(body),
            Err(problem) => {
                let unread = || invalid(format!("The JSON cannot be read: {problem}."));
                let repaired = Bytes::from(without_no_numbers(body).ok_or_else(unread)?);
                read_json::<DataMembers<'_>>(&repaired).map_err(|_| unread())?.data(&repaired)
            }
        }
    }
}

impl DataMembers<'_> {
    fn data(&self, body: &Bytes) -> Result<JsonData, ApiError> {
        let text = |text: &RawValue| body.slice_ref(text.get().as_bytes());
        match (self.instances, self.inputs, self.dataframe_split, self.dataframe_records) {
            (Some(data), None, None, None) => Ok(JsonData::Instances(text(data))),
            (None, Some(data), None, None) => Ok(JsonData::Inputs(text(data))),
            (None, None, Some(data), None) => Ok(JsonData::Split(text(data))),
            (None, None, None, Some(data)) => Ok(JsonData::Records(text(data))),
            _ => Err(invalid(
                "The JSON must have exactly one of instances, inputs, dataframe_split and dataframe_records.",
            )
            .quoting_nothing()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static str) -> Result<JsonData, String> {
        JsonData::read(&Bytes::from_static(text.as_bytes())).map_err(|refusal| refusal.message)
    }

    #[test]
    fn one_member_has_the_data() {
        assert_eq!(
            read(r#" {"signature_name": "x", "instances": [1]}"#),
            Ok(JsonData::Instances(Bytes::from_static(b"[1]")))
        );
        assert_eq!(read(r#"{"inputs": {"x": 1}}"#), Ok(JsonData::Inputs(Bytes::from_static(b"{\"x\": 1}"))));
        for text in [r#"{"inputs": 1, "instances": [1]}"#, r#"{"params": {}}"#, r#"{"inputs": null}"#] {
            assert!(read(text).is_err_and(|message| message.contains("exactly one of")), "{text}");
        }
        assert!(read("[1]").is_err_and(|message| message.contains("expected an object")));
        assert!(read(r#"{"inputs": [1,}"#).is_err_and(|message| message.contains("cannot be read")));
    }

    #[test]
    fn what_python_writes_for_no_number_is_missing() {
        let data = read(r#"{"inputs": [NaN, -Infinity, Infinity, "NaN", "a\"NaN"]}"#);
        let expected = r#"[null, null, null, "NaN", "a\"NaN"]"#;
        assert_eq!(data, Ok(JsonData::Inputs(Bytes::from_static(expected.as_bytes()))));
        assert!(read(r#"{"inputs": [nan]}"#).is_err());
    }
}
