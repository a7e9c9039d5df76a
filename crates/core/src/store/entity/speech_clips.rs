use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "speech_clips")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub computation: String,
    pub digest: String,
    pub bytes: i64,
    pub duration_ms: f64,
    pub created_at_ms: i64,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
