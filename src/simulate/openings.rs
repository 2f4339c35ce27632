//! What the conversations of each habit and upload begin with.

use std::sync::Arc;

use super::chance::Chance;
use super::ends::peer_address;
use super::opening::{Opening, Protocol, Question};
use super::scenario::{Destination, Habit, Scenario, Upload};

/// What conversations of a habit begin with. Who is visited is asked for by the site's own
/// name; what it would ask of DNS is not known.
pub(super) fn habit_opening(
    scenario: &Scenario,
    habit: &Habit,
    questions: &[Arc<[Question]>],
) -> Opening {
    let asset = scenario.assets.get(habit.asset);
    let destination = scenario.destinations.get(habit.destination);
    let (Some(asset), Some(destination)) = (asset, destination) else {
        return Opening::default();
    };
    let (speech, questions) = (&destination.speech, questions.get(habit.asset));
    if !habit.is_served {
        return Opening::new(
            speech.protocol,
            speech.name_or(&destination.name),
            questions,
        );
    }
    Opening::new(speech.protocol, speech.name_or(&asset.name), None)
}

pub(super) fn upload_opening(
    scenario: &Scenario,
    upload: &Upload,
    questions: &[Arc<[Question]>],
) -> Opening {
    let Some(destination) = scenario.destinations.get(upload.destination) else {
        return Opening::default();
    };
    let speech = upload.speech.as_ref().unwrap_or(&destination.speech);
    let questions = questions.get(upload.asset);
    Opening::new(
        speech.protocol,
        speech.name_or(&destination.name),
        questions,
    )
}

/// What each asset asks of DNS: where those are with whom it has habits. Where a leak or a
/// surprise goes was asked of others.
pub(super) fn questions(scenario: &Scenario) -> Vec<Arc<[Question]>> {
    let question = |destination: &Destination| {
        let mut chance = Chance::new(scenario.seed, &format!("dns/{}", destination.name));
        let addresses = (0..ANSWERS_MAX).map(|_| peer_address(destination, false, &mut chance));
        let mut addresses: Vec<_> = addresses.collect();
        addresses.sort_unstable();
        addresses.dedup();
        Question {
            name: destination.speech.name_or(&destination.name),
            addresses,
        }
    };
    let is_asked = |destination: &&Destination| {
        !destination.is_internal && destination.speech.protocol != Protocol::Dns
    };
    let mut questions = vec![Vec::new(); scenario.assets.len()];
    let habits = scenario.habits.iter();
    for habit in habits.filter(|habit| habit.event.is_none() && !habit.is_served) {
        let destination = scenario.destinations.get(habit.destination);
        let asked = destination.filter(is_asked).map(question);
        if let Some(own) = questions.get_mut(habit.asset) {
            own.extend(asked);
        }
    }
    questions.into_iter().map(Arc::from).collect()
}

/// Most addresses with which a question is answered.
const ANSWERS_MAX: usize = 4;
