//! How a prediction ends, and the parts of its time, as labels.

/// The `model` label of attempts that never got to a known model.
pub const UNKNOWN_MODEL: &str = "unknown";
/// The label of the models, and of a model's classes, that have no series of their own.
pub const OTHER: &str = "other";

crate::label_enum! {
    /// How a prediction ended.
    pub enum PredictionOutcome: "status" {
        /// The model answered.
        Success = "success",
        /// Refused or failed.
        Error = "error",
    }
}

crate::label_enum! {
    /// The parts of a prediction's time.
    pub enum PredictionPhase: "phase" {
        /// Turning the body, once it is read, into the model's input.
        Decode = "decode",
        /// Waiting for an inference thread.
        Queue = "queue",
        /// Running the model.
        Inference = "inference",
        /// Handing the prediction to its log.
        Record = "record",
    }
}
