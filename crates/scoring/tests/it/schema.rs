//! The published schema against reports as they are written: a field that one has and the other has not fails.

use std::collections::HashSet;

use serde_json::{Value, json};
use viva_core::evaluation::{Decision, Review};
use viva_llm::Cancel;
use viva_scoring::Interview;

use crate::fake::{Fake, answer, judge};
use crate::samples;

const SCHEMA: &str = include_str!("../../../../docs/report.schema.json");

/// The keywords that the schema uses, checked. What it says beside them fails, so that nothing is skipped.
struct Validator<'a> {
    root: &'a Value,
    /// Properties that were met, by the pointer of their schema: what no report ever had may not exist.
    met: HashSet<String>,
}

impl Validator<'_> {
    fn check(&mut self, schema: &Value, pointer: &str, value: &Value, place: &str) -> Result<(), String> {
        for (keyword, rule) in schema.as_object().unwrap() {
            let kept = match keyword.as_str() {
                "description" | "title" | "$schema" | "$defs" | "required" | "properties" => true,
                "$ref" => {
                    let pointer = rule.as_str().unwrap().trim_start_matches('#').to_owned();
                    let target = self.root.pointer(&pointer).unwrap();
                    self.check(target, &pointer, value, place)?;
                    true
                }
                "anyOf" => rule.as_array().unwrap().iter().any(|choice| self.check(choice, pointer, value, place).is_ok()),
                "type" => {
                    let named = if rule.is_array() { rule.clone() } else { json!([rule]) };
                    named.as_array().unwrap().iter().any(|name| is_a(name.as_str().unwrap(), value))
                }
                "const" => value == rule,
                "enum" => rule.as_array().unwrap().contains(value),
                "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
                "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
                "pattern" => {
                    assert_eq!(rule, "^[0-9a-f]{64}$");
                    value.as_str().is_none_or(|text| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
                }
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(rule, &format!("{pointer}/items"), item, &format!("{place}[{index}]"))?;
                    }
                    true
                }
                "additionalProperties" => {
                    self.properties(schema, pointer, value, place)?;
                    true
                }
                other => panic!("the schema says {other}"),
            };
            if !kept {
                return Err(format!("{place}: {value} breaks {keyword} {rule}"));
            }
        }
        Ok(())
    }

    fn properties(&mut self, schema: &Value, pointer: &str, value: &Value, place: &str) -> Result<(), String> {
        let Some(fields) = value.as_object() else { return Ok(()) };
        let known = schema["properties"].as_object();
        for (name, field) in fields {
            match known.and_then(|known| known.get(name)) {
                Some(rule) => {
                    self.met.insert(format!("{pointer}/{name}"));
                    self.check(rule, &format!("{pointer}/{name}"), field, &format!("{place}.{name}"))?;
                }
                None if schema["additionalProperties"].is_object() => {
                    self.check(&schema["additionalProperties"], pointer, field, &format!("{place}.{name}"))?;
                }
                None => return Err(format!("{place}: the schema does not know {name}")),
            }
        }
        let missing = schema["required"].as_array().into_iter().flatten().find(|name| !fields.contains_key(name.as_str().unwrap()));
        missing.map_or(Ok(()), |name| Err(format!("{place}: {name} is missing")))
    }
}

fn is_a(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("the schema says type {other}"),
    }
}

fn reports() -> Vec<Value> {
    let mut reports = Vec::new();
    for sample in samples::both() {
        let engine = Fake::obedient(0).with_certainty(0.5);
        let judge = judge(engine);
        let evaluate = |question: &samples::Question| {
            let mut asked = answer(&question.stage, &question.answer);
            asked.language = sample.language;
            judge.evaluate(&asked, &Cancel::default()).unwrap()
        };
        let mut evaluations: Vec<_> = sample.questions.iter().map(evaluate).collect();
        evaluations[0].human_review = Some(Review {
            review_id: "r".to_owned(),
            evaluation_id: evaluations[0].evaluation_id.clone(),
            reviewer: "r".to_owned(),
            decision: Decision::Confirmed,
            total: None,
            reason: "r".to_owned(),
            at_ms: 1,
        });
        let interview = Interview { id: Some(1), language: sample.language, position: sample.position.clone(), evaluations };
        let mut report = judge.report(interview).unwrap();
        judge.narrate(&mut report, &Cancel::default()).unwrap();
        reports.push(serde_json::to_value(report).unwrap());
    }
    reports
}

#[test]
fn reports_are_as_the_published_schema_says_and_use_all_of_it() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut validator = Validator { root: &schema, met: HashSet::new() };
    for report in reports() {
        validator.check(&schema, "", &report, "report").unwrap();
    }
    let objects = schema["$defs"].as_object().unwrap().iter().map(|(name, rule)| (format!("/$defs/{name}"), rule));
    for (pointer, rule) in objects.chain([(String::new(), &schema)]) {
        for name in rule["properties"].as_object().unwrap().keys() {
            assert!(validator.met.contains(&format!("{pointer}/{name}")), "no report has {pointer}/{name}");
        }
    }
}

#[test]
fn a_report_that_is_not_as_the_schema_says_is_noticed() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let changes: [fn(&mut Value); 5] = [
        |report| report["more"] = json!(1),
        |report| report["overall"] = json!(101),
        |report| report["evaluations"][0]["status"] = json!("perfect"),
        |report| report["evaluations"][0]["items"][0]["evidence"][0]["verified"] = json!(false),
        |report| drop(report.as_object_mut().unwrap().remove("areas")),
    ];
    for change in changes {
        let mut report = reports().remove(0);
        change(&mut report);
        let mut validator = Validator { root: &schema, met: HashSet::new() };
        assert!(validator.check(&schema, "", &report, "report").is_err());
    }
}
