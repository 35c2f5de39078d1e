//! Tags among the parameters of a request: `tags` as one text, and `tag_region` and the like for one of them each.

use monitoring::ApiError;
use prediction_record::Tags;

use super::refusal::invalid;
use crate::predict::written_tags;

/// The tags among these parameters, whose values are `None` where they are no texts.
///
/// # Errors
/// `invalid_request` for a value that is no text or has another form.
pub(super) fn parameter_tags<'a>(
    parameters: impl Iterator<Item = (&'a str, Option<&'a str>)>,
) -> Result<Tags, ApiError> {
    let mut tags = Tags::new();
    for (name, value) in parameters {
        let key = name.strip_prefix("tag_");
        if name != "tags" && key.is_none() {
            continue;
        }
        let value = value.ok_or_else(|| invalid(format!("The parameter \"{name}\" must be a text.")))?;
        match key {
            Some(key) => {
                tags.insert(key.to_owned(), value.to_owned());
            }
            None => tags.append(&mut written_tags("The parameter \"tags\"", value)?),
        }
    }
    Ok(tags)
}
