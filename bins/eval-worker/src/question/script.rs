//! The stages of an interview, read from a versioned YAML file.
//!
//! Promises that a `Script` in hand has stages of different names, each with everything that its kind needs.

use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use viva_core::digest::sha256_hex;
use viva_core::store::Category;
use viva_scoring::{Language, Localised};

const BUILTIN: &str = include_str!("../../scripts/interview.v1.yaml");

/// The stages of an interview, in order.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Of the file's form.
    version: u32,
    /// Asked as a follow-up where the last answer gave nothing to follow up.
    pub(super) nothing_said: Localised,
    stages: Vec<Stage>,
    /// Of the file.
    #[serde(skip)]
    sha256: String,
}

/// One stage.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stage {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) category: Category,
    text: Localised,
    with_project: Option<Localised>,
    pub(super) look_for: Option<Localised>,
    pub(super) about: Option<Localised>,
}

/// Where a stage's question comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// The script.
    Template,
    /// The model, from the last answer.
    FollowUp,
    /// The model, from passages of the resume.
    Narrative,
}

/// What a template is filled with. It depends on nothing that is said in the interview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) position: String,
    pub(super) project: Option<String>,
    pub(super) language: Language,
}

impl Script {
    /// The script that comes with the program.
    pub fn builtin() -> Self {
        Self::parse(BUILTIN).expect("the built-in script keeps its rules; a test reads it")
    }

    /// The script of a file.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the script {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("the script {}", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let script = Self { sha256: sha256_hex(text.as_bytes()), ..serde_saphyr::from_str(text)? };
        ensure!(script.version == 1, "version {} is not known; write version: 1", script.version);
        ensure!(!script.stages.is_empty(), "there are no stages");
        ensure!(!script.nothing_said.is_blank(), "nothing_said lacks a language");
        for (at, stage) in script.stages.iter().enumerate() {
            let name = &stage.name;
            ensure!(script.stages[..at].iter().all(|other| other.name != *name), "two stages are called {name:?}");
            let texts = [Some(&stage.text), stage.with_project.as_ref(), stage.look_for.as_ref(), stage.about.as_ref()];
            ensure!(texts.into_iter().flatten().all(|text| !text.is_blank()), "stage {name:?}: a text lacks a language");
            let narrates = stage.look_for.is_some() && stage.about.is_some();
            ensure!(stage.kind != Kind::Narrative || narrates, "stage {name:?}: a narrative stage needs look_for and about");
        }
        Ok(script)
    }

    pub(super) fn sha256(&self) -> &str {
        &self.sha256
    }

    pub(super) fn stages(&self) -> &[Stage] {
        &self.stages
    }

    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.stages.iter().position(|stage| stage.name == name)
    }
}

impl Stage {
    /// The stage's own question: what a template asks, and what is asked where the model cannot be used.
    pub(super) fn text(&self, facts: &Facts) -> String {
        let (text, project) = match (&self.with_project, &facts.project) {
            (Some(text), Some(project)) => (text, project.as_str()),
            _ => (&self.text, ""),
        };
        text.get(facts.language).replace("{position}", &facts.position).replace("{project}", project)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_script_has_the_stages_of_the_platform() {
        let script = Script::builtin();
        let names: Vec<&str> = script.stages().iter().map(|stage| stage.name.as_str()).collect();
        let expected = "intro motivation skill skill_followup experience experience_followup problem_solving problem_solving_followup \
             communication communication_followup responsibility responsibility_followup growth growth_followup final_statement";
        assert_eq!(names.join(" "), expected);
        assert!(script.stages().iter().all(|stage| stage.name.ends_with("_followup") == (stage.kind == Kind::FollowUp)));
    }

    #[test]
    fn templates_are_filled_from_position_and_resume_alone() {
        let script = Script::builtin();
        let facts = |project: Option<&str>| Facts {
            position: "백엔드 개발자".to_owned(),
            project: project.map(str::to_owned),
            language: Language::Ko,
        };
        let experience = &script.stages()[script.place("experience").unwrap()];
        assert!(experience.text(&facts(Some("면접 도우미"))).contains("면접 도우미에서"));
        assert_ne!(experience.text(&facts(None)), experience.text(&facts(Some("면접 도우미"))));
        for stage in script.stages() {
            let text = stage.text(&facts(None));
            assert!(!text.contains(['{', '}']), "{text}");
        }
        assert!(script.stages()[1].text(&facts(None)).starts_with("백엔드 개발자 직무에"));
    }

    #[test]
    fn a_script_that_breaks_a_rule_is_refused_with_its_reason() {
        let cases = [
            ("version: 1", "version: 2", "version 2"),
            ("- name: motivation", "- name: intro", "two stages are called \"intro\""),
            ("kind: narrative", "kind: narration", "narration"),
            ("    about:\n      ko: 다른", "    nothing:\n      ko: 다른", "nothing"),
            ("      en: Finally, is there", "      en: ''\n      # Finally, is there", "\"final_statement\": a text lacks a language"),
        ];
        for (here, there, expected) in cases {
            assert!(BUILTIN.contains(here), "{here}");
            let error = Script::parse(&BUILTIN.replacen(here, there, 1)).unwrap_err();
            assert!(format!("{error:#}").contains(expected), "{error:#}\nlacks {expected}");
        }
    }
}
