//! One item of a request, decoded, and what the prediction log keeps of it.

use monitoring::{ApiError, ErrorCode};
use prediction_record::{FeatureValue, InputSummary};
use sha2::{Digest as _, Sha256};

use crate::input::{self, DecodePatience, DecodedImage, ImageLimits, InputError, ModelInput};
use crate::model::{Engine, InputSpec, ModelFeatures, hexadecimal};
use crate::rows::RecordedFeatures;
use crate::serving::out_of_time;

/// Pictures of at most this many bytes have their digest in the prediction log. A digest takes milliseconds for each
/// megabyte, and a prediction must not wait for it.
const DIGEST_BYTES: usize = 1024 * 1024;

/// What the service does with each item.
#[derive(Clone, Copy)]
pub(super) struct DecodeOptions {
    /// Whether the prediction log keeps something of it.
    pub(super) is_logged: bool,
    pub(super) limits: ImageLimits,
}

/// One item, decoded.
pub(super) struct DecodedItem {
    pub(super) input: ModelInput,
    /// `None` if predictions are not logged.
    pub(super) logged: Option<LoggedInput>,
}

/// What the prediction log keeps of an item.
#[derive(Default)]
pub(super) struct LoggedInput {
    /// The summary of a picture, or of a picture's tensor.
    pub(super) summary: Option<InputSummary>,
    /// The digest of the picture's bytes, where it is a picture and not too large.
    pub(super) sha256: Option<String>,
    /// The declared features of a row.
    pub(super) features: RecordedFeatures,
}

impl DecodedItem {
    pub(super) fn from_picture(
        bytes: &[u8],
        spec: &InputSpec,
        options: DecodeOptions,
        patience: &DecodePatience,
    ) -> Result<Self, InputError> {
        let DecodedImage { input, header } = input::decode_patiently(bytes, spec, &options.limits, patience)?;
        let logged = options.is_logged.then(|| LoggedInput {
            summary: Some(input::summarise(&input, spec, [header.width, header.height])),
            sha256: (bytes.len() <= DIGEST_BYTES).then(|| hexadecimal(&Sha256::digest(bytes))),
            features: RecordedFeatures::default(),
        });
        Ok(Self { input, logged })
    }

    pub(super) fn from_tensor(input: ModelInput, spec: Option<&InputSpec>, is_logged: bool) -> Self {
        let summary = || spec.map(|spec| input::summarise(&input, spec, [spec.width, spec.height]));
        let logged = is_logged.then(|| LoggedInput { summary: summary(), ..LoggedInput::default() });
        Self { input, logged }
    }

    /// A row of checked values.
    pub(super) fn from_row(features: &ModelFeatures, row: &[FeatureValue], is_logged: bool) -> Self {
        let features_of = || RecordedFeatures::of_row(features, row);
        let logged = is_logged.then(|| LoggedInput { features: features_of(), ..LoggedInput::default() });
        Self { input: ModelInput::of(features.tensors(row)), logged }
    }

    /// Tensors, whose rows are held against the features that the model declares; the first is this one of the request.
    pub(super) fn from_table(
        input: ModelInput,
        first_row: usize,
        engine: &Engine,
        is_logged: bool,
    ) -> Result<Self, ApiError> {
        let features_of = |features| RecordedFeatures::of_tensors(features, input.tensors(), first_row);
        let features = engine.features().map(features_of).transpose()?.unwrap_or_default();
        let logged = is_logged.then(|| LoggedInput { features, ..LoggedInput::default() });
        Ok(Self { input, logged })
    }
}

pub(super) fn no_pictures(engine: &Engine) -> ApiError {
    let sentence = format!(
        "The model {0} takes no pictures; send it tensors as JSON, {{\"inputs\": {{NAME: […]}}}}, or at /v2/models/{0}/infer. \
         GET /v2/models/{0} says which.",
        engine.name()
    );
    ApiError::new(ErrorCode::InvalidInput, sentence)
}

/// Turns an input's problem into a refusal; `item` is the input's position where there are several.
pub(super) fn refused(item: Option<usize>) -> impl Fn(InputError) -> ApiError {
    move |problem| {
        let code = match problem {
            InputError::OutOfTime => return out_of_time(),
            InputError::TooLarge { .. } => ErrorCode::TooLarge,
            InputError::UnsupportedFormat { .. }
            | InputError::Undecodable { .. }
            | InputError::WrongShape { .. }
            | InputError::WrongType { .. }
            | InputError::MissingValue { .. }
            | InputError::WrongName { .. }
            | InputError::NonFinite { .. } => ErrorCode::InvalidInput,
        };
        let logged = problem.without_values();
        match item {
            None => ApiError::new(code, format!("The input is refused: {problem}."))
                .logged_as(format!("The input is refused: {logged}.")),
            Some(item) => ApiError::new(code, format!("Item {item} is refused: {problem}."))
                .logged_as(format!("Item {item} is refused: {logged}."))
                .detail("item", item),
        }
    }
}
