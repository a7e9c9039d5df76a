use sea_orm::entity::prelude::*;

/// Something that was said in an interview.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "transcripts")]
pub struct Model {
    /// The platform's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// The interview.
    pub interview_id: i32,
    /// `AI` or `USER`. An enumeration on platforms, so it is read as text.
    #[sea_orm(select_as = "text")]
    pub speaker: String,
    /// What was said, as recognised.
    pub text: String,
    /// The question that it answers.
    pub question_id: Option<i32>,
    /// Its place in the interview.
    pub order: Option<i32>,
    /// The answer's score, 0 to 100.
    pub total_score: Option<f64>,
    /// The score's parts, in the platform's form.
    pub rubric_score: Option<Json>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
