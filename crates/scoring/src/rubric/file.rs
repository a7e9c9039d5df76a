//! Reading a rubric file, and the rules that it must keep. A broken rule is told with its line and its field.

use std::collections::HashSet;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::{AREA_MAX, Area, Band, FollowUp, Item};
use crate::language::Localised;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    id: Spanned<String>,
    version: Spanned<String>,
    bands: Vec<Spanned<Band>>,
    areas: Spanned<Vec<AreaOfFile>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AreaOfFile {
    id: Spanned<String>,
    weight: Spanned<f64>,
    title: Spanned<Localised>,
    stages: Spanned<Vec<Spanned<String>>>,
    items: Spanned<Vec<Spanned<Item>>>,
    #[serde(default)]
    follow_up: Option<Spanned<FollowUp>>,
}

/// A file that keeps the rules.
pub(super) struct Read {
    pub(super) id: String,
    pub(super) version: String,
    pub(super) bands: Vec<Band>,
    pub(super) areas: Vec<Area>,
}

pub(super) fn read(yaml: &str) -> Result<Read, String> {
    let file: File = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    for (field, text) in [("id", &file.id), ("version", &file.version)] {
        rule(!text.value.trim().is_empty(), text, field, || "must not be empty".to_owned())?;
    }
    check_bands(&file.bands)?;
    check_areas(&file.areas)?;
    let areas = file.areas.value.into_iter().map(area).collect();
    Ok(Read { id: file.id.value, version: file.version.value, bands: file.bands.into_iter().map(|band| band.value).collect(), areas })
}

fn area(read: AreaOfFile) -> Area {
    Area {
        id: read.id.value,
        weight: read.weight.value,
        title: read.title.value,
        stages: read.stages.value.into_iter().map(|stage| stage.value).collect(),
        items: read.items.value.into_iter().map(|item| item.value).collect(),
        follow_up: read.follow_up.map(|rule| rule.value),
    }
}

/// Refuses the file unless `kept`, at the place of `of`.
fn rule<T>(kept: bool, of: &Spanned<T>, field: &str, broken: impl FnOnce() -> String) -> Result<(), String> {
    if kept {
        return Ok(());
    }
    Err(format!("line {}, {field}: {}", of.referenced.line(), broken()))
}

fn check_areas(areas: &Spanned<Vec<AreaOfFile>>) -> Result<(), String> {
    let weights: f64 = areas.value.iter().map(|area| area.weight.value).sum();
    let mut ids = HashSet::new();
    let mut owners = HashSet::new();
    for (index, area) in areas.value.iter().enumerate() {
        let at = |field: &str| format!("areas[{index}].{field}");
        rule(is_name(&area.id.value), &area.id, &at("id"), || "must be lower case with underscores".to_owned())?;
        rule(ids.insert(&area.id.value), &area.id, &at("id"), || format!("two areas are called {}", area.id.value))?;
        let weight = area.weight.value;
        rule(weight > 0.0 && weight <= 1.0, &area.weight, &at("weight"), || format!("must be above 0 and at most 1, not {weight}"))?;
        rule(!area.title.value.is_blank(), &area.title, &at("title"), || "must not be empty".to_owned())?;
        rule(!area.stages.value.is_empty(), &area.stages, &at("stages"), || "must name a stage".to_owned())?;
        for stage in &area.stages.value {
            let field = at("stages");
            rule(!stage.value.trim().is_empty(), stage, &field, || "must not be empty".to_owned())?;
            let once = || format!("stage {} stands twice; a stage belongs to one area", stage.value);
            rule(owners.insert(&stage.value), stage, &field, once)?;
        }
        check_items(area, index)?;
        check_follow_up(area, index)?;
    }
    let whole = (weights - 1.0).abs() < 1e-9;
    rule(whole, areas, "areas[].weight", || format!("the weights of the areas add up to {weights}, not 1"))
}

fn check_items(area: &AreaOfFile, index: usize) -> Result<(), String> {
    let id = &area.id.value;
    let mut ids = HashSet::new();
    for (place, spanned) in area.items.value.iter().enumerate() {
        let (item, at) = (&spanned.value, |field: &str| format!("areas[{index}].items[{place}].{field}"));
        let plain = is_name(&item.id) && item.id != "feedback" && ids.insert(&item.id);
        let named = || format!("{:?} must be unique, lower case with underscores, and not \"feedback\"", item.id);
        rule(plain, spanned, &at("id"), named)?;
        rule(item.max > 0, spanned, &at("max"), || "must be above 0".to_owned())?;
        rule(!item.title.is_blank(), spanned, &at("title"), || "must not be empty in either language".to_owned())?;
        rule(!item.criterion.is_blank(), spanned, &at("criterion"), || "must not be empty in either language".to_owned())?;
    }
    let sum: u32 = area.items.value.iter().map(|item| item.value.max).sum();
    let field = format!("areas[{index}].items[].max");
    rule(sum == AREA_MAX, &area.items, &field, || format!("the items of {id} add up to {sum}, not {AREA_MAX}"))
}

fn check_follow_up(area: &AreaOfFile, index: usize) -> Result<(), String> {
    let Some(spanned) = &area.follow_up else { return Ok(()) };
    let (follow_up, at) = (&spanned.value, |field: &str| format!("areas[{index}].follow_up.{field}"));
    let own = |stage: &String| area.stages.value.iter().any(|known| known.value == *stage);
    let stray = follow_up.stages.iter().find(|stage| !own(stage));
    rule(stray.is_none(), spanned, &at("stages"), || format!("stage {} is none of the area's", stray.cloned().unwrap_or_default()))?;
    rule(!follow_up.stages.is_empty(), spanned, &at("stages"), || "must name a stage".to_owned())?;
    let bounded = follow_up.bonus <= AREA_MAX && follow_up.penalty <= AREA_MAX;
    rule(bounded, spanned, &at("bonus"), || format!("bonus and penalty must be at most {AREA_MAX}"))
}

fn check_bands(bands: &[Spanned<Band>]) -> Result<(), String> {
    let Some(last) = bands.last() else { return Err("bands: there must be one at least".to_owned()) };
    let mut above = AREA_MAX + 1;
    for (index, band) in bands.iter().enumerate() {
        let from = band.value.from;
        rule(from < above, band, &format!("bands[{index}].from"), || "the bands must run from high to low".to_owned())?;
        let title = &band.value.title;
        rule(!title.is_blank(), band, &format!("bands[{index}].title"), || "must not be empty in either language".to_owned())?;
        above = from;
    }
    rule(last.value.from == 0, last, "bands[].from", || "the last band must start at 0".to_owned())
}

fn is_name(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
