//! Licences that must be accepted, and the list of those that were.

use std::collections::BTreeSet;
use std::fs;

use serde::{Deserialize, Serialize};

use crate::{Error, Home, Model, PullOptions, Terms};

const NAME: &str = "accepted-licences.toml";

/// The licences accepted on this machine, by name.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Accepted {
    #[serde(default)]
    licences: BTreeSet<String>,
}

impl Home {
    /// Lets a pull through where the model's licence asks nothing, has been accepted before, or is accepted now.
    pub(crate) fn permit(&self, model: &Model, options: &PullOptions) -> Result<(), Error> {
        let licence = &model.licence;
        if licence.terms != Terms::NonCommercial {
            return Ok(());
        }
        let path = self.dir().join(NAME);
        let mut accepted: Accepted = fs::read_to_string(&path).ok().and_then(|text| toml::from_str(&text).ok()).unwrap_or_default();
        if accepted.licences.contains(&licence.name) {
            return Ok(());
        }
        let named = options.accept_licences.iter().any(|name| name.eq_ignore_ascii_case(&licence.name));
        if !named && !options.ask.is_some_and(|ask| ask(model)) {
            return Err(Error::NotAccepted { model: model.name.clone(), licence: licence.name.clone(), url: licence.url.clone() });
        }
        accepted.licences.insert(licence.name.clone());
        let text = toml::to_string(&accepted).map_err(|e| Error::Manifest(e.to_string()))?;
        fs::create_dir_all(self.dir()).map_err(|e| Error::io(&model.name, "create", self.dir(), e))?;
        fs::write(&path, text).map_err(|e| Error::io(&model.name, "write", &path, e))
    }
}
