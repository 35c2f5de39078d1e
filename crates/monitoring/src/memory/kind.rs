//! What memory is held for.

crate::label_enum! {
    /// What memory is held for; a label of the room's metrics.
    pub enum HeldKind: "kind" {
        /// Bodies over HTTP, as they come and unpacked.
        Body = "body",
        /// Messages over gRPC.
        Message = "message",
        /// What a body or a message becomes: JSON in memory, rows, tensors.
        Parsed = "parsed",
        /// Pictures that are being decoded.
        Picture = "picture",
        /// Exports under way.
        Export = "export",
        /// Answers that their clients have not read yet.
        Answer = "answer",
    }
}
