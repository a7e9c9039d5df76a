//! The dependency arrows of the workspace: which crate may name which.
//!
//! Arrows point down only. Dev-dependencies between our own crates are free: a test may look at anything.

use std::path::Path;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// A crate of the workspace and what its manifest names.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// What it depends on.
    pub names: Vec<Named>,
}

/// One dependency in a manifest.
#[derive(Debug, Clone)]
pub struct Named {
    /// The crate depended on.
    pub name: String,
    /// Its features that are asked for.
    pub features: Vec<String>,
    /// For tests, benchmarks and examples only.
    pub dev: bool,
}

/// A bin may name every crate below it.
const BELOW_BINS: &[&str] = &[
    "viva-core",
    "viva-worker",
    "viva-celery",
    "viva-speech",
    "viva-llm",
    "viva-llm-remote",
    "viva-scoring",
    "viva-retrieval",
    "viva-models",
];

/// Who may name which of our own crates; a crate that is not listed may name none.
const OURS: &[(&str, &[&str])] = &[
    ("viva-core", &["viva-migrations"]),
    ("viva-worker", &["viva-celery", "viva-core"]),
    ("viva-llm-remote", &["viva-llm"]),
    ("viva-scoring", &["viva-llm", "viva-core"]),
    ("viva-testkit", &["viva-models"]),
    ("tts-worker", BELOW_BINS),
    ("eval-worker", BELOW_BINS),
    ("gateway", BELOW_BINS),
    ("viva", BELOW_BINS),
    ("viva", &["tts-worker", "eval-worker", "gateway", "viva-migrations"]),
    ("viva-benches", BELOW_BINS),
];

/// Crates of others (by prefix) that only some of ours may name, in tests too.
const OTHERS: &[(&str, &[&str])] = &[
    ("lapin", &["viva-celery"]),
    ("sea-orm", &["viva-core", "viva-migrations"]),
    ("sqlx", &["viva-core", "viva-migrations"]),
    ("candle", &["viva-speech", "viva-llm", "viva-retrieval", "viva-benches"]),
    ("reqwest", &["viva-models", "viva-llm-remote", "gateway"]),
    ("axum", &["viva-worker", "gateway"]),
];

/// Engines are called from a thread of their own and wait for nobody.
const ENGINES: &[&str] = &["viva-speech", "viva-llm", "viva-retrieval"];

/// Every arrow that is not allowed, in words; empty when the house is in order.
pub fn violations(packages: &[Package]) -> Vec<String> {
    let ours = |name: &str| packages.iter().any(|p| p.name == name);
    let judge = |package: &Package, named: &Named| {
        let (from, to) = (package.name.as_str(), named.name.as_str());
        if ours(to) && !named.dev && !allowed(OURS, from, to) {
            return Some(format!("{from} -> {to}: not among the arrows of the design"));
        }
        if let Some((prefix, who)) = OTHERS.iter().find(|(prefix, _)| to.starts_with(prefix)).filter(|(_, who)| !who.contains(&from)) {
            return Some(format!("{from} -> {to}: only {} may name {prefix}", who.join(", ")));
        }
        if ENGINES.contains(&from) && to.starts_with("tokio") && !named.dev {
            return Some(format!("{from} -> {to}: an engine knows no runtime"));
        }
        if from == "viva-scoring" && to == "viva-core" && !named.dev && named.features.iter().any(|f| f == "store") {
            return Some("viva-scoring -> viva-core with `store`: scoring knows records, not the database".to_owned());
        }
        None
    };
    packages.iter().flat_map(|p| p.names.iter().filter_map(move |named| judge(p, named))).collect()
}

/// The manifests of the workspace that `dir` is in, as cargo reads them.
///
/// # Panics
///
/// Where cargo cannot read them.
pub fn workspace(dir: &Path) -> Vec<Package> {
    let metadata = MetadataCommand::new().current_dir(dir).no_deps().exec().expect("cargo metadata reads the workspace");
    let named = |dependency: cargo_metadata::Dependency| Named {
        name: dependency.name,
        features: dependency.features,
        dev: dependency.kind == DependencyKind::Development,
    };
    let package = |p: cargo_metadata::Package| Package { name: p.name.to_string(), names: p.dependencies.into_iter().map(named).collect() };
    metadata.packages.into_iter().map(package).collect()
}

fn allowed(rules: &[(&str, &[&str])], from: &str, to: &str) -> bool {
    rules.iter().any(|(who, names)| *who == from && names.contains(&to))
}
