use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "evaluation_reviews")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub review_id: String,
    pub evaluation_id: String,
    pub reviewer: String,
    pub decision: String,
    pub total: Option<i32>,
    pub reason: String,
    pub at_ms: i64,
    pub salt: String,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
