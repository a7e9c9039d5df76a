//! From settings to a studio.

use std::sync::Arc;

use anyhow::Context as _;
use viva_core::SystemClock;
use viva_core::audio::Folder;
use viva_core::store::Store;
use viva_models::Home;

use crate::cli::{ModelArgs, StoreArgs};
use crate::{Studio, Voice};

/// The folder of models, as set or as usual.
pub(crate) fn home(args: &ModelArgs) -> anyhow::Result<Home> {
    let home = args.viva_models.as_ref().map_or_else(Home::from_env, |dir| Ok(Home::new(dir)));
    home.context("there is no folder for models")
}

/// Opens folder and database. The default database is made, or brought up to date; one that was named is left as it is.
pub(crate) async fn studio(args: &StoreArgs, models: &ModelArgs) -> anyhow::Result<Studio> {
    let voice = Voice::from_home(home(models)?);
    let folder = match &args.audio_url {
        Some(url) => Folder::from_url(url)?,
        None => Folder::at(args.viva_data.join("audio"))
            .with_context(|| format!("the data folder {} cannot be used; choose another with --viva-data", args.viva_data.display()))?,
    };
    let store = Store::open(args.database_url.as_deref(), &args.viva_data).await.context("the database cannot be used")?;
    Ok(Studio::new(store, folder, voice, Arc::new(SystemClock)))
}
