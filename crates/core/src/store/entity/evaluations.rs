use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "evaluations")]
#[allow(clippy::struct_field_names, reason = "the model that judged, not a row's")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub evaluation_id: String,
    pub interview_id: Option<i32>,
    pub transcript_id: Option<i32>,
    pub question_id: Option<i32>,
    pub computation: String,
    pub status: String,
    pub total: Option<i32>,
    pub record: String,
    pub finished_at_ms: i64,
    pub rubric_sha256: String,
    pub model_sha256: String,
    pub engine: String,
    pub numeric_class: String,
    pub input_sha256: String,
    pub prompt_sha256: Option<String>,
    pub supersedes: Option<String>,
    pub salt: String,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
