use sea_orm::entity::prelude::*;

/// An interview.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "interviews")]
pub struct Model {
    /// The platform's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// The position applied for.
    pub position: String,
    /// `SCHEDULED`, `LIVE`, `COMPLETED` or `CANCELLED`. An enumeration on platforms, so it is read as text.
    #[sea_orm(select_as = "text")]
    pub status: String,
    /// The report's overall score, 0 to 100.
    pub overall_score: Option<f64>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
