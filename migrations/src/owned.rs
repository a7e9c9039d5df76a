//! Which of the contract's tables are ours: `viva_tables` lists those that a migration made, so that only they are dropped.

use sea_orm_migration::prelude::*;

/// Makes the list.
pub(crate) async fn create_list(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let list = Table::create().table("viva_tables").col(ColumnDef::new("name").text().primary_key()).to_owned();
    manager.create_table(list).await
}

/// Drops the list.
pub(crate) async fn drop_list(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager.drop_table(Table::drop().table("viva_tables").to_owned()).await
}

/// Makes a table and lists it, unless a table of that name is there.
pub(crate) async fn create(manager: &SchemaManager<'_>, name: &'static str, table: TableCreateStatement) -> Result<(), DbErr> {
    if manager.has_table(name).await? {
        return Ok(());
    }
    manager.create_table(table).await?;
    let insert = Query::insert().into_table("viva_tables").columns(["name"]).values_panic([name.into()]).to_owned();
    manager.get_connection().execute(&insert).await?;
    Ok(())
}

/// Drops a table if it is listed, and takes it off the list: a later step up may make it again.
pub(crate) async fn drop(manager: &SchemaManager<'_>, name: &'static str) -> Result<(), DbErr> {
    let listed = Query::select().column("name").from("viva_tables").and_where(Expr::col("name").eq(name)).to_owned();
    if manager.get_connection().query_one(&listed).await?.is_some() {
        manager.drop_table(Table::drop().table(name).to_owned()).await?;
        let delete = Query::delete().from_table("viva_tables").and_where(Expr::col("name").eq(name)).to_owned();
        manager.get_connection().execute(&delete).await?;
    }
    Ok(())
}

/// Whether the table is there; unlike the manager's own question it takes any connection.
pub(crate) async fn has_table(db: &impl ConnectionTrait, name: &str) -> Result<bool, DbErr> {
    let (catalogue, column, own) = match db.get_database_backend() {
        sea_orm::DbBackend::Sqlite => ("sqlite_master", "name", "TRUE"),
        _ => ("pg_tables", "tablename", "schemaname = ANY (current_schemas(FALSE))"),
    };
    let select = Query::select().column(column).from(catalogue).and_where(Expr::col(column).eq(name)).and_where(Expr::cust(own)).to_owned();
    Ok(db.query_one(&select).await?.is_some())
}
