//! Answers under random schemas with random bounds are valid, whatever the model would rather say. `VIVA_OUTPUTS` sets how many.

use serde_json::{Map, Value};

use super::*;

const WORDS: [&str; 8] = [
    "정산 배치를 다시 짰습니다",
    "I measured \"twice\"",
    "(none)",
    "네",
    "a\\b",
    "그래서 인덱스를 하나로 줄였습니다",
    "because",
    "좋음 👍",
];

/// A schema of the kind that scores, questions and reports use.
fn schema(random: &mut ChaCha8Rng, depth: usize) -> Value {
    match below(random, if depth == 0 { 5 } else { 7 }) {
        0 => json!({ "type": "integer", "minimum": below(random, 3), "maximum": 3 + below(random, 200) }),
        1 => json!({ "type": "boolean" }),
        2 => {
            json!({ "enum": (0..=below(random, 5)).map(|i| WORDS[(i * 3 + below(random, 2)) % 8]).collect::<std::collections::BTreeSet<_>>() })
        }
        3 => json!({ "type": "string", "maxLength": 1 + below(random, 200) }),
        4 => json!({ "type": "string", "minLength": below(random, 11), "maxLength": 20 + below(random, 100) }),
        5 => {
            let items = schema(random, depth - 1);
            json!({ "type": "array", "items": items, "minItems": below(random, 2), "maxItems": 1 + below(random, 3) })
        }
        _ => object(random, depth - 1),
    }
}

fn object(random: &mut ChaCha8Rng, depth: usize) -> Value {
    let names = ["score", "quote", "feedback", "근거", "competence", "next_question"];
    let properties: Map<String, Value> =
        (0..=below(random, [3, 5][depth])).map(|i| (names[(i + depth) % 6].to_owned(), schema(random, depth))).collect();
    let required: Vec<String> = properties.keys().cloned().collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// What is wrong with `value` under one of the schemas above, if anything.
fn fault(value: &Value, schema: &Value) -> Option<String> {
    let bound = |key: &str, default: u64| schema[key].as_u64().unwrap_or(default);
    let wrong = || Some(format!("{value} under {schema}"));
    if let Some(words) = schema["enum"].as_array() {
        return if words.contains(value) { None } else { wrong() };
    }
    match (schema["type"].as_str().unwrap(), value) {
        ("integer", Value::Number(n)) if n.as_u64().is_some_and(|n| (bound("minimum", 0)..=bound("maximum", 0)).contains(&n)) => None,
        ("boolean", Value::Bool(_)) => None,
        ("string", Value::String(text)) => {
            let length = text.chars().count() as u64;
            if (bound("minLength", 0)..=bound("maxLength", 0)).contains(&length) { None } else { wrong() }
        }
        ("array", Value::Array(items)) if (bound("minItems", 0)..=bound("maxItems", 0)).contains(&(items.len() as u64)) => {
            items.iter().find_map(|item| fault(item, &schema["items"]))
        }
        ("object", Value::Object(fields)) => {
            let properties = schema["properties"].as_object().unwrap();
            let same = fields.keys().eq(properties.keys());
            if same { fields.iter().find_map(|(key, field)| fault(field, &properties[key])) } else { wrong() }
        }
        _ => wrong(),
    }
}

fn ask(random: &mut ChaCha8Rng) -> Ask {
    let prompt = (0..=below(random, 8)).map(|_| 300 + below(random, 40_000) as u32).collect();
    let sampling = Sampling { temperature: [0.0, 0.7, 1.5][below(random, 3)], top_p: 0.95, seed: random.next_u64() };
    let bound = [12, 150][below(random, 2)];
    let max_tokens = 1 + below(random, bound);
    Ask { request: Request { schema: Some(object(random, 1)), sampling, max_tokens, ..Request::default() }, prompt }
}

#[test]
fn answers_under_random_schemas_and_bounds_are_valid() {
    let outputs: usize = std::env::var("VIVA_OUTPUTS").map_or(200, |outputs| outputs.parse().unwrap());
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut scheduler = scheduler(64, 600);
    let (mut open, mut begun, mut cut): (Vec<(Ask, Asked)>, usize, usize) = (Vec::new(), 0, 0);
    while begun < outputs || !open.is_empty() {
        while begun < outputs && open.len() < 64 {
            let ask = ask(&mut random);
            let asked = ask.submit(&mut scheduler);
            open.push((ask, asked));
            begun += 1;
        }
        scheduler.step();
        open.retain(|(ask, asked)| {
            let Some(result) = asked.result() else { return true };
            let (schema, done) = (ask.request.schema.as_ref().unwrap(), result.unwrap());
            cut += usize::from(done.finish == Finish::Length);
            let value: Value = serde_json::from_str(&done.text).unwrap_or_else(|e| panic!("{e}: {:?} under {schema}", done.text));
            assert_eq!(fault(&value, schema), None, "bound {}", ask.request.max_tokens);
            assert_eq!(serde_json::to_string(&value).unwrap(), done.text, "compact JSON");
            false
        });
    }
    println!("{outputs} of {outputs} valid, {cut} of them cut at their bound");
    assert!(cut > outputs / 20, "too few met their bound");
}
