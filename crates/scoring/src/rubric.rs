//! The rubric: areas, items, maxima, weights and bands, read from a versioned YAML file.
//!
//! Promises that a `Rubric` in hand keeps its rules: items of an area add up to 100, weights to 1, every stage belongs
//! to one area, the bands run down to 0. Does not score.

use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;
use viva_core::digest::sha256_hex;
use viva_core::evaluation::RubricRef;

use crate::Error;
use crate::language::Localised;

/// Points that the items of an area add up to.
pub const AREA_MAX: u32 = 100;

const BUILTIN: &str = include_str!("../rubrics/interview.v1.yaml");

/// One thing that an answer is judged by.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Lower case with underscores; a key of the model's answer.
    pub id: String,
    /// Points that can be reached.
    pub max: u32,
    /// Name for people.
    pub title: Localised,
    /// The question to ask of the answer.
    pub criterion: Localised,
}

/// A group of stages judged by the same items.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Area {
    /// Lower case with underscores.
    pub id: String,
    /// Share of the overall score, 0 to 1.
    pub weight: f64,
    /// Name for people.
    pub title: Localised,
    /// Stages of the interview script.
    pub stages: Vec<String>,
    /// What is judged.
    pub items: Vec<Item>,
}

/// A range of totals with a name. It ends where the next higher one begins.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// Lower case.
    pub id: String,
    /// Lowest total that belongs to it.
    pub from: u32,
    /// Name for people.
    pub title: Localised,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    id: String,
    version: String,
    bands: Vec<Band>,
    areas: Vec<Area>,
}

/// A rubric that keeps its rules.
#[derive(Debug, Clone)]
pub struct Rubric {
    reference: RubricRef,
    bands: Vec<Band>,
    areas: Vec<Area>,
}

impl Rubric {
    /// The rubric that ships with Viva.
    pub fn builtin() -> Self {
        Self::parse("built-in", BUILTIN).expect("the built-in rubric breaks its own rules; this is a bug")
    }

    /// Reads a rubric file.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let origin = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| Error::RubricFile { path: origin.clone(), source })?;
        Self::parse(&origin, &text)
    }

    /// Reads a rubric from YAML; `origin` names it in errors.
    pub fn parse(origin: &str, yaml: &str) -> Result<Self, Error> {
        let refuse = |what: String| Error::Rubric { origin: origin.to_owned(), what };
        let file: File = serde_saphyr::from_str(yaml).map_err(|error| refuse(error.to_string()))?;
        check_areas(&file.areas).and_then(|()| check_bands(&file.bands)).map_err(refuse)?;
        let reference = RubricRef { id: file.id, version: file.version, sha256: sha256_hex(yaml.as_bytes()) };
        Ok(Self { reference, bands: file.bands, areas: file.areas })
    }

    /// Which rubric this is.
    pub fn reference(&self) -> &RubricRef {
        &self.reference
    }

    /// The areas, in the file's order.
    pub fn areas(&self) -> &[Area] {
        &self.areas
    }

    /// The bands, from high to low.
    pub fn bands(&self) -> &[Band] {
        &self.bands
    }

    /// The area that `stage` belongs to.
    pub fn area_of(&self, stage: &str) -> Result<&Area, Error> {
        self.areas.iter().find(|area| area.stages.iter().any(|known| known == stage)).ok_or_else(|| Error::UnknownStage {
            stage: stage.to_owned(),
            known: self.areas.iter().flat_map(|area| area.stages.iter().map(String::as_str)).collect::<Vec<_>>().join(", "),
        })
    }

    /// The band of a total or a mean of totals, 0 to 100.
    pub fn band(&self, total: f64) -> &Band {
        let lowest = self.lowest_band();
        self.bands.iter().find(|band| total >= f64::from(band.from)).unwrap_or(lowest)
    }

    /// The band with this id.
    pub fn band_named(&self, id: &str) -> Option<&Band> {
        self.bands.iter().find(|band| band.id == id)
    }

    /// The most points that an item of `max` points can get while staying in the lowest band.
    pub fn lowest_band_cap(&self, max: u32) -> u32 {
        let next = self.bands.iter().rev().nth(1).map_or(AREA_MAX, |band| band.from);
        max * next.saturating_sub(1) / AREA_MAX
    }

    fn lowest_band(&self) -> &Band {
        self.bands.last().expect("a rubric without bands was accepted; this is a bug")
    }
}

fn check_areas(areas: &[Area]) -> Result<(), String> {
    let weights: f64 = areas.iter().map(|area| area.weight).sum();
    if (weights - 1.0).abs() > 1e-9 {
        return Err(format!("the weights of the areas add up to {weights}, not 1"));
    }
    let mut seen = HashSet::new();
    for area in areas {
        check_area(area)?;
        if !seen.insert(area.id.as_str()) {
            return Err(format!("two areas are called {}", area.id));
        }
    }
    let mut owner = HashSet::new();
    match areas.iter().flat_map(|area| &area.stages).find(|stage| !owner.insert(stage.as_str())) {
        Some(stage) => Err(format!("stage {stage} stands twice; a stage belongs to one area")),
        None => Ok(()),
    }
}

fn check_area(area: &Area) -> Result<(), String> {
    let id = &area.id;
    let sum: u32 = area.items.iter().map(|item| item.max).sum();
    if sum != AREA_MAX {
        return Err(format!("the items of {id} add up to {sum}, not {AREA_MAX}"));
    }
    if !(area.weight > 0.0 && area.weight <= 1.0) || area.stages.is_empty() || area.title.is_blank() {
        return Err(format!("area {id} needs a weight above 0, a stage, and a title in both languages"));
    }
    let mut seen = HashSet::new();
    for item in &area.items {
        let plain = !item.id.is_empty() && item.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        if !plain || item.id == "feedback" || !seen.insert(item.id.as_str()) {
            return Err(format!("item id {:?} of {id} must be unique, lower case with underscores, and not \"feedback\"", item.id));
        }
        if item.max == 0 || item.title.is_blank() || item.criterion.is_blank() {
            return Err(format!("item {} of {id} needs points, and a title and a criterion in both languages", item.id));
        }
    }
    Ok(())
}

fn check_bands(bands: &[Band]) -> Result<(), String> {
    if bands.last().is_none_or(|band| band.from != 0) || bands.iter().any(|band| band.title.is_blank()) {
        return Err("the last band must start at 0, and each needs a title in both languages".to_owned());
    }
    if bands.windows(2).any(|pair| pair[0].from <= pair[1].from) || bands[0].from > AREA_MAX {
        return Err("the bands must run from high to low".to_owned());
    }
    Ok(())
}
