//! The interviews there are.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::auth::Caller;
use crate::problem::Problem;

/// As many as a list shows.
const LIMIT: u64 = 200;

/// The newest interviews.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Interviews {
    /// Newest first, at most 200.
    pub interviews: Vec<InterviewLine>,
}

/// An interview in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InterviewLine {
    /// The platform's id.
    pub id: i32,
    /// The position applied for.
    pub position: String,
    /// `SCHEDULED`, `LIVE`, `COMPLETED` or `CANCELLED`.
    pub status: String,
    /// The report's overall score, 0 to 100, if there is one.
    pub overall: Option<f64>,
}

/// The newest interviews.
#[utoipa::path(get, path = "/v1/interviews", tag = "interviews", security(("bearer" = [])),
    responses((status = 200, body = Interviews), (status = 401), (status = 403), (status = 429), (status = 503)))]
pub(crate) async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Interviews>, Problem> {
    caller.staff()?;
    let unit = app.store.glance().await?;
    let newest = unit.interviews().newest(LIMIT).await?;
    unit.rollback().await?;
    let line = |row: viva_core::store::Interview| InterviewLine {
        id: row.id,
        position: row.position,
        status: row.status,
        overall: row.overall_score,
    };
    Ok(Json(Interviews { interviews: newest.into_iter().map(line).collect() }))
}
