//! The models, as OpenAI's clients list them.

use axum::Json;
use axum::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::problem::Problem;

/// Names under which speech is had: ours, and those that OpenAI's clients send by default.
pub(crate) const SPEECH: [&str; 4] = ["kokoro", "tts-1", "tts-1-hd", "gpt-4o-mini-tts"];

/// All models.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Models {
    /// `list`.
    pub object: &'static str,
    /// One each.
    pub data: Vec<Model>,
}

/// A model.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Model {
    /// Its name.
    pub id: &'static str,
    /// `model`.
    pub object: &'static str,
    /// Nothing that is known: 0.
    pub created: u64,
    /// `viva`.
    pub owned_by: &'static str,
}

fn model(id: &'static str) -> Model {
    Model { id, object: "model", created: 0, owned_by: "viva" }
}

/// The models that speak. All names stand for the one voice model that the workers have.
#[utoipa::path(get, path = "/v1/models", tag = "openai", security(("bearer" = [])),
    responses((status = 200, body = Models), (status = 401), (status = 429)))]
pub(crate) async fn list(_: Caller) -> Json<Models> {
    Json(Models { object: "list", data: SPEECH.map(model).into() })
}

/// One model.
#[utoipa::path(get, path = "/v1/models/{model}", tag = "openai", security(("bearer" = [])), params(("model" = String, Path)),
    responses((status = 200, body = Model), (status = 401), (status = 404), (status = 429)))]
pub(crate) async fn show(_: Caller, Path(name): Path<String>) -> Result<Json<Model>, Problem> {
    let found = SPEECH.into_iter().find(|known| *known == name);
    found
        .map(|id| Json(model(id)))
        .ok_or_else(|| Problem::not_found(format!("there is no model {name:?}; there are {}", SPEECH.join(", "))))
}
