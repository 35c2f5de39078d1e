//! How a prediction ends, and the parts of its time, as labels.

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
