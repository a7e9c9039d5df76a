use sea_orm::entity::prelude::*;

/// A question.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "questions")]
pub struct Model {
    /// The platform's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// What is asked.
    pub content: String,
    /// The stage of the interview, such as `motivation`.
    pub question_type: Option<String>,
    /// The platform's own rubric for the question, if it wrote one.
    pub rubric_json: Option<Json>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
