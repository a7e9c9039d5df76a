//! From settings to a studio.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use viva_core::SystemClock;
use viva_core::audio::Audio;
use viva_core::store::Store;
use viva_models::Home;
use viva_speech::text::Dictionary;

use crate::cli::{ModelArgs, StoreArgs};
use crate::{Studio, Voice};

/// The folder of models, as set or as usual.
pub(crate) fn home(args: &ModelArgs) -> anyhow::Result<Home> {
    let home = args.viva_models.as_ref().map_or_else(Home::from_env, |dir| Ok(Home::new(dir)));
    home.context("there is no folder for models")
}

/// The readings of a file; none without one.
pub(crate) fn dictionary(path: Option<&Path>) -> anyhow::Result<Dictionary> {
    let Some(path) = path else { return Ok(Dictionary::default()) };
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the dictionary {}", path.display()))?;
    Dictionary::parse(&text).with_context(|| format!("in {}", path.display()))
}

/// Opens the database. The default one is made, or brought up to date; one that was named is left as it is.
pub(crate) async fn store(args: &StoreArgs) -> anyhow::Result<Store> {
    let opened = Store::open(args.database_url.as_deref(), &args.viva_data).await;
    opened.with_context(|| match &args.database_url {
        Some(_) => "the database cannot be used".to_owned(),
        None => unusable(args),
    })
}

/// Opens the audio, and puts a voice to it.
pub(crate) async fn studio(store: Store, args: &StoreArgs, models: &ModelArgs) -> anyhow::Result<Studio> {
    let voice = Voice::from_home(home(models)?);
    let audio = match &args.audio_url {
        Some(url) => Audio::connect(url).await?,
        None => Audio::at(args.viva_data.join("audio")).await.with_context(|| unusable(args))?,
    };
    Ok(Studio::new(store, audio, voice, Arc::new(SystemClock)))
}

fn unusable(args: &StoreArgs) -> String {
    format!("the data folder {} cannot be used; choose another with --viva-data", args.viva_data.display())
}
