use sea_orm::entity::prelude::*;

/// The report of an interview, as the platform reads it.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "evaluation_reports")]
pub struct Model {
    /// The row's id; the database gives it.
    #[sea_orm(primary_key)]
    pub id: i32,
    /// The interview; one report each.
    pub interview_id: i32,
    /// 0 to 100.
    pub technical_score: Option<f64>,
    /// 0 to 100.
    pub communication_score: Option<f64>,
    /// 0 to 100.
    pub cultural_fit_score: Option<f64>,
    /// The summary for people.
    pub summary_text: Option<String>,
    /// Everything else.
    pub details_json: Option<Json>,
    /// The model that wrote it.
    pub evaluator_model: Option<String>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
