use std::time::Duration;

use viva_testkit::{FaultPlan, Proc, role};

const SOON: Duration = Duration::from_secs(20);

fn choices(plan: &mut FaultPlan) -> Vec<u64> {
    let word = |plan: &mut FaultPlan| plan.pick(&["cut", "hole", "stop"]).len() as u64;
    (0..20).flat_map(|_| [word(plan), u64::from(plan.chance(0.5)), plan.between(10..1000)]).collect()
}

#[test]
fn a_seed_repeats_its_choices_and_a_name_changes_them() {
    let first = choices(&mut FaultPlan::with_seed("moss", 7));
    assert_eq!(choices(&mut FaultPlan::with_seed("moss", 7)), first);
    assert_ne!(choices(&mut FaultPlan::with_seed("moss", 8)), first);
    assert_ne!(choices(&mut FaultPlan::with_seed("fern", 7)), first);
}

#[test]
fn choices_stay_in_their_bounds() {
    let mut plan = FaultPlan::from_env("bounds");
    let (least, most) = (Duration::from_millis(3), Duration::from_millis(5));
    for _ in 0..1000 {
        assert!((3..5).contains(&plan.between(3..5)));
        assert!([1, 2].contains(plan.pick(&[1, 2])));
        assert!(!plan.chance(0.0) && plan.chance(1.0));
        assert!((least..most).contains(&plan.delay(&(least..most))));
    }
}

#[test]
fn a_failure_says_what_repeats_it() {
    let this = "faults::a_failure_says_what_repeats_it";
    if let Some(role) = role() {
        let mut plan = FaultPlan::from_env("moss");
        println!("chose {:?}", choices(&mut plan));
        assert_eq!(role, "good");
        return;
    }
    let good = Proc::rerun(this, "good", &[("VIVA_SEED", "12345")]);
    assert!(good.wait(SOON).success());
    let bad = Proc::rerun(this, "bad", &[]);
    assert!(!bad.wait(SOON).success());
    let advice = bad.wait_for_line("repeats this", SOON);
    let seed = advice.split(['=', ' ']).find(|word| word.parse::<u64>().is_ok()).unwrap();
    let again = Proc::rerun(this, "good", &[("VIVA_SEED", seed)]);
    let chosen = |proc: &Proc| proc.wait_for_line("chose", SOON).split_once("chose").unwrap().1.to_owned();
    assert_eq!(chosen(&again), chosen(&bad));
    assert_ne!(chosen(&again), chosen(&good));
    assert!(!good.lines().iter().any(|line| line.contains("repeats this")));
}
