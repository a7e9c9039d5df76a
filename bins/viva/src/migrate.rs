//! `viva migrate`: the database, up to date.

use anyhow::Context;
use viva_core::store;

use crate::cli::{MigrateArgs, Settings};

pub(crate) async fn run(args: &MigrateArgs, settings: &Settings) -> anyhow::Result<()> {
    let url = settings.database_url(&settings.viva_data);
    if let Some(steps) = args.down {
        store::migrate_down(&url, steps).await?;
        println!("took back the newest {steps} steps");
        return Ok(());
    }
    if args.status {
        let versions = store::versions(&url).await?;
        for (state, names) in [("applied", &versions.applied), ("pending", &versions.pending), ("unknown", &versions.unknown)] {
            for name in names {
                println!("{state}  {name}");
            }
        }
        return Ok(());
    }
    if settings.database_url.is_none() {
        let folder = &settings.viva_data;
        std::fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    }
    let applied = store::migrate(&url).await?;
    for name in &applied {
        println!("applied  {name}");
    }
    if applied.is_empty() {
        println!("the database is up to date");
    }
    Ok(())
}
