use sea_orm::entity::prelude::*;

/// A resume.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "resumes")]
pub struct Model {
    /// The platform's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i32,
    /// Its text, as it was taken from the file.
    pub extracted_text: Option<String>,
    /// What the platform made of it; sometimes encoded twice.
    pub structured_data: Option<Json>,
    /// `pending`, `processing`, `completed` or `failed`. An enumeration on some platforms, so it is read as text.
    #[sea_orm(select_as = "text")]
    pub processing_status: String,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
