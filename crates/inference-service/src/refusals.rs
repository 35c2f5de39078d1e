//! The sets of refusals that operations share, for their descriptions.

use monitoring::refusals;

refusals! {
    /// The refusals of a prediction, whichever protocol asks for it.
    pub(crate) PredictionRefusals:
        InvalidRequest, InvalidInput, UnsupportedMediaType, TooLarge, ModelNotFound, Overloaded, NotReady, DeadlineExceeded;
    /// The refusals of a question about one model.
    pub(crate) ModelRefusals: ModelNotFound, NotReady;
    /// The refusals of an order to load or unload a model.
    pub(crate) OrderRefusals: InvalidRequest, ModelNotFound, NotFound, TooLarge, InvalidInput, Overloaded, NotReady;
    /// The refusal of a probe.
    pub(crate) ProbeRefusals: NotReady;
}
