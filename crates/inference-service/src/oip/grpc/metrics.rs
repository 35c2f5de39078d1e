//! The calls, counted.

use axum::http::Uri;
use monitoring::{Counter, Each, Family, LabelEnum as _, MetricsError, MetricsRegistry, Traces, each, label_enum};
use tonic::Code;

label_enum! {
    /// The called method.
    pub(super) enum GrpcMethod: "method" {
        ServerLive = "ServerLive",
        ServerReady = "ServerReady",
        ModelReady = "ModelReady",
        ServerMetadata = "ServerMetadata",
        ModelMetadata = "ModelMetadata",
        ModelInfer = "ModelInfer",
        ModelConfig = "ModelConfig",
        RepositoryIndex = "RepositoryIndex",
        ModelStatistics = "ModelStatistics",
        RepositoryModelLoad = "RepositoryModelLoad",
        RepositoryModelUnload = "RepositoryModelUnload",
        Check = "Check",
        Watch = "Watch",
        ServerReflectionInfo = "ServerReflectionInfo",
        /// Any other, whatever the client called it.
        Other = "other",
    }
}

label_enum! {
    /// How a call ended, in the words of gRPC.
    pub(super) enum GrpcOutcome: "code" {
        Ok = "OK",
        Cancelled = "CANCELLED",
        InvalidArgument = "INVALID_ARGUMENT",
        DeadlineExceeded = "DEADLINE_EXCEEDED",
        NotFound = "NOT_FOUND",
        ResourceExhausted = "RESOURCE_EXHAUSTED",
        Unimplemented = "UNIMPLEMENTED",
        Internal = "INTERNAL",
        Unavailable = "UNAVAILABLE",
        Unauthenticated = "UNAUTHENTICATED",
        /// One that this service does not choose.
        Other = "other",
    }
}

impl GrpcMethod {
    pub(super) fn of(uri: &Uri) -> Self {
        let name = uri.path().rsplit('/').next().unwrap_or_default();
        Self::ALL.iter().copied().find(|method| method.as_str() == name).unwrap_or(Self::Other)
    }
}

impl From<Code> for GrpcOutcome {
    fn from(code: Code) -> Self {
        match code {
            Code::Ok => Self::Ok,
            Code::Cancelled => Self::Cancelled,
            Code::InvalidArgument => Self::InvalidArgument,
            Code::DeadlineExceeded => Self::DeadlineExceeded,
            Code::NotFound => Self::NotFound,
            Code::ResourceExhausted => Self::ResourceExhausted,
            Code::Unimplemented => Self::Unimplemented,
            Code::Internal => Self::Internal,
            Code::Unavailable => Self::Unavailable,
            Code::Unauthenticated => Self::Unauthenticated,
            _ => Self::Other,
        }
    }
}

/// The metrics of the gRPC server, and where the spans of its calls go. The metrics exist without a server, too, and stay 0.
pub(crate) struct GrpcMetrics {
    pub(super) traces: Traces,
    requests: Family<Counter, (Each<GrpcMethod>, Each<GrpcOutcome>)>,
}

impl GrpcMetrics {
    pub(crate) fn register(registry: &MetricsRegistry, traces: &Traces) -> Result<Self, MetricsError> {
        let help = "Calls over gRPC answered; CANCELLED means mostly that the client left before the answer.";
        Ok(Self { traces: traces.clone(), requests: registry.counters("grpc_requests_total", help, (each(), each()))? })
    }

    pub(super) fn answered(&self, method: GrpcMethod, outcome: GrpcOutcome) {
        self.requests.with((method, outcome)).inc();
    }
}
