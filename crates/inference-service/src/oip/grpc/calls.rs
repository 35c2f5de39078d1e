//! The calls of the protocol.

use std::sync::Arc;

use monitoring::{ApiError, ErrorCode, RequestContext};
use tonic::{Request, Response, Status, Streaming};

use super::message::named;
use super::proto::grpc_inference_service_server::GrpcInferenceService;
use super::proto::{
    ModelConfigRequest, ModelConfigResponse, ModelInferRequest, ModelInferResponse, ModelMetadataRequest,
    ModelMetadataResponse, ModelReadyRequest, ModelReadyResponse, ModelStatisticsRequest, ModelStatisticsResponse,
    RepositoryIndexRequest, RepositoryIndexResponse, RepositoryModelLoadRequest, RepositoryModelLoadResponse,
    RepositoryModelUnloadRequest, RepositoryModelUnloadResponse, ServerLiveRequest, ServerLiveResponse,
    ServerMetadataRequest, ServerMetadataResponse, ServerReadyRequest, ServerReadyResponse,
};
use super::{describe, infer, status};
use crate::app::{App, SERVICE};
use crate::model::Engine;
use crate::oip::repository::{ELSEWHERE, IndexEntry, READY};
use crate::oip::server::{EXTENSIONS, is_ready};
use crate::oip::statistics;

/// Answers the calls.
pub(super) struct InferenceCalls {
    app: App,
}

impl InferenceCalls {
    pub(super) fn new(app: App) -> Self {
        Self { app }
    }

    fn engine(&self, name: &str, version: &str) -> Result<Arc<Engine>, ApiError> {
        self.app.models.find(named(name))?.engine(named(version)).cloned()
    }
}

#[tonic::async_trait]
impl GrpcInferenceService for InferenceCalls {
    async fn server_live(&self, _: Request<ServerLiveRequest>) -> Result<Response<ServerLiveResponse>, Status> {
        Ok(Response::new(ServerLiveResponse { live: true }))
    }

    async fn server_ready(&self, _: Request<ServerReadyRequest>) -> Result<Response<ServerReadyResponse>, Status> {
        Ok(Response::new(ServerReadyResponse { ready: is_ready(&self.app) }))
    }

    async fn model_ready(&self, call: Request<ModelReadyRequest>) -> Result<Response<ModelReadyResponse>, Status> {
        let ModelReadyRequest { name, version } = call.get_ref();
        Ok(Response::new(ModelReadyResponse { ready: self.engine(name, version).is_ok() }))
    }

    async fn server_metadata(
        &self,
        _: Request<ServerMetadataRequest>,
    ) -> Result<Response<ServerMetadataResponse>, Status> {
        Ok(Response::new(ServerMetadataResponse {
            name: SERVICE.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            extensions: EXTENSIONS.map(str::to_owned).to_vec(),
        }))
    }

    async fn model_metadata(
        &self,
        call: Request<ModelMetadataRequest>,
    ) -> Result<Response<ModelMetadataResponse>, Status> {
        let ModelMetadataRequest { name, version } = call.get_ref();
        let engine = self.engine(name, version).map_err(|refusal| refused(&call, &refusal))?;
        let model = self.app.models.find(Some(name)).map_err(|refusal| refused(&call, &refusal))?;
        Ok(Response::new(describe::metadata(&engine, model.version_names())))
    }

    async fn model_infer(
        &self,
        call: Request<Streaming<ModelInferRequest>>,
    ) -> Result<Response<ModelInferResponse>, Status> {
        infer::infer(&self.app, context(&call), call).await
    }

    async fn model_config(&self, call: Request<ModelConfigRequest>) -> Result<Response<ModelConfigResponse>, Status> {
        let ModelConfigRequest { name, version } = call.get_ref();
        let engine = self.engine(name, version).map_err(|refusal| refused(&call, &refusal))?;
        let config = Some(describe::config(&engine, self.app.config.max_batch()));
        Ok(Response::new(ModelConfigResponse { config }))
    }

    async fn repository_index(
        &self,
        call: Request<RepositoryIndexRequest>,
    ) -> Result<Response<RepositoryIndexResponse>, Status> {
        let only_ready = call.get_ref().ready;
        let models = self.app.models.all();
        let entries = models.iter().flat_map(|model| IndexEntry::all_of(model));
        let entries = entries.filter(|entry| !only_ready || entry.state == READY);
        Ok(Response::new(RepositoryIndexResponse { models: entries.map(describe::index_entry).collect() }))
    }

    async fn model_statistics(
        &self,
        call: Request<ModelStatisticsRequest>,
    ) -> Result<Response<ModelStatisticsResponse>, Status> {
        let ModelStatisticsRequest { name, version } = call.get_ref();
        let found = statistics::statistics(&self.app, named(name), named(version));
        let found = found.map_err(|refusal| refused(&call, &refusal))?;
        let model_stats = found.into_iter().map(describe::statistics).collect();
        Ok(Response::new(ModelStatisticsResponse { model_stats }))
    }

    async fn repository_model_load(
        &self,
        call: Request<RepositoryModelLoadRequest>,
    ) -> Result<Response<RepositoryModelLoadResponse>, Status> {
        Err(refused(&call, &elsewhere()))
    }

    async fn repository_model_unload(
        &self,
        call: Request<RepositoryModelUnloadRequest>,
    ) -> Result<Response<RepositoryModelUnloadResponse>, Status> {
        Err(refused(&call, &elsewhere()))
    }
}

/// `UNIMPLEMENTED`, and where to go.
fn elsewhere() -> ApiError {
    ApiError::new(ErrorCode::MethodNotAllowed, ELSEWHERE)
}

/// The ids and the span that `observe` has given the call.
fn context<T>(call: &Request<T>) -> RequestContext {
    let found = call.extensions().get::<RequestContext>().cloned();
    found.unwrap_or_else(|| RequestContext::from_headers(&call.metadata().clone().into_headers()))
}

fn refused<T>(call: &Request<T>, refusal: &ApiError) -> Status {
    status::status(refusal, &context(call).request_id)
}
