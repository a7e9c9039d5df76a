//! The rubric: areas, items, maxima, weights and bands, read from a versioned YAML file.
//!
//! Promises that a `Rubric` in hand keeps its rules: items of an area add up to 100, weights to 1, every stage belongs
//! to one area, the bands run down to 0; and that a file which breaks one is refused with the line and the field. Does not score.

mod file;

use std::path::Path;

use serde::Deserialize;
use viva_core::digest::sha256_hex;
use viva_core::evaluation::RubricRef;

use crate::Error;
use crate::language::Localised;

/// Points that the items of an area add up to.
pub const AREA_MAX: u32 = 100;

const BUILTIN: &str = include_str!("../rubrics/interview.v2.yaml");

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

/// What answers to follow-up questions do to their area's score.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FollowUp {
    /// Which of the area's stages are follow-ups.
    pub stages: Vec<String>,
    /// Points that an answer in the highest band adds.
    pub bonus: u32,
    /// Points that one in the lowest band takes.
    pub penalty: u32,
}

/// A group of stages judged by the same items.
#[derive(Debug, Clone)]
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
    /// The rule for follow-up questions; without one their answers count as any other.
    pub follow_up: Option<FollowUp>,
}

impl Area {
    /// The same area with its items in another order: a model that favours a place must not favour an item.
    pub(crate) fn rotated(&self, by: usize) -> Self {
        let mut area = self.clone();
        let places = area.items.len().max(1);
        area.items.rotate_left(by % places);
        area
    }
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

/// A rubric that keeps its rules.
#[derive(Debug, Clone)]
pub struct Rubric {
    reference: RubricRef,
    yaml: String,
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
        let file = file::read(yaml).map_err(|what| Error::Rubric { origin: origin.to_owned(), what })?;
        let reference = RubricRef { id: file.id, version: file.version, sha256: sha256_hex(yaml.as_bytes()) };
        Ok(Self { reference, yaml: yaml.to_owned(), bands: file.bands, areas: file.areas })
    }

    /// The file's text: what the hash is over.
    pub fn yaml(&self) -> &str {
        &self.yaml
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

    /// What an answer to a follow-up question of this total does to its area's score.
    pub fn follow_up_points(&self, rule: &FollowUp, total: f64) -> f64 {
        let band = self.band(total);
        if self.bands.first().is_some_and(|highest| highest.id == band.id) {
            f64::from(rule.bonus)
        } else if band.id == self.lowest_band().id {
            -f64::from(rule.penalty)
        } else {
            0.0
        }
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
