//! The shortest way from an effect to a root.
//!
//! Source: questions, section 2.4.

use rollout_trace_model::map::{HashMap, HashSet};
use std::cmp::Reverse;

use super::{
    Cause, Hop,
    hops::{hops, just_seen},
};
use crate::{Certainty, Node, rollout::Rollout};

/// A path to a node: that to the node before, and one hop more.
struct Path {
    before: Option<usize>,
    hop: Option<Hop>,
    rank: Rank,
}

/// What decides between paths of equal length: fewer hops that are not recorded, then earlier relations, then later
/// events and smaller ids, hop by hop. The relations of all hops together are one number, which orders the paths of this
/// length by them, and so are the events with the ids: a longer path is compared by the number of the path that it
/// extends and by its last hop.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    unrecorded: usize,
    relations: usize,
    steps: usize,
}

/// Returns the best path to a root; if none can be reached, the best one of those that lead furthest.
pub(super) fn path(rollout: &Rollout<'_>, subject: &Node) -> Vec<Hop> {
    let mut reached: HashSet<Node> = std::iter::once(subject.clone()).collect();
    // All paths; those of the length that was reached come last.
    let mut paths = vec![Path { before: None, hop: None, rank: Rank::default() }];
    let mut longest = 0..1;
    loop {
        let mut longer: Vec<(usize, Hop)> = Vec::new();
        for before in longest.clone() {
            let node = paths[before].hop.as_ref().map_or(subject, |hop| &hop.to);
            longer.extend(
                hops(rollout, node).into_iter().filter(|hop| !reached.contains(&hop.to)).map(|hop| (before, hop)),
            );
        }
        if longer.is_empty() {
            return best(rollout, paths, longest);
        }
        let ranks = ranks(&paths, &longer);
        let mut to: HashMap<Node, usize> = HashMap::default();
        longest = paths.len()..paths.len();
        for ((before, hop), rank) in longer.into_iter().zip(ranks) {
            let path = Path { before: Some(before), rank, hop: None };
            match to.get(&hop.to) {
                Some(known) if paths[*known].rank <= rank => {}
                Some(known) => paths[*known] = Path { hop: Some(hop), ..path },
                None => {
                    to.insert(hop.to.clone(), paths.len());
                    paths.push(Path { hop: Some(hop), ..path });
                }
            }
        }
        longest.end = paths.len();
        let leads_to_root = |path: &Path| path.hop.as_ref().is_some_and(|hop| matches!(hop.to, Node::Root(_)));
        if paths[longest.clone()].iter().any(leads_to_root) {
            return best(rollout, paths, longest);
        }
        reached.extend(to.into_keys());
    }
}

/// Returns the ranks of paths that extend others by one hop.
fn ranks(paths: &[Path], longer: &[(usize, Hop)]) -> Vec<Rank> {
    let relations = numbers(longer, |(before, hop)| (paths[*before].rank.relations, hop.relation));
    let steps = numbers(longer, |(before, hop)| (paths[*before].rank.steps, Reverse(hop.seq), &hop.to));
    let unrecorded = longer
        .iter()
        .map(|(before, hop)| paths[*before].rank.unrecorded + usize::from(hop.certainty != Certainty::Recorded));
    let ranks = unrecorded.zip(relations).zip(steps);
    ranks.map(|((unrecorded, relations), steps)| Rank { unrecorded, relations, steps }).collect()
}

/// Numbers things in the order of their keys. Equal keys have one number.
fn numbers<'t, T, K: Ord>(things: &'t [T], key: impl Fn(&'t T) -> K) -> Vec<usize> {
    let mut places: Vec<usize> = (0..things.len()).collect();
    places.sort_by_cached_key(|place| key(&things[*place]));
    let mut numbers = vec![0; things.len()];
    let mut number = 0;
    for pair in places.windows(2) {
        number += usize::from(key(&things[pair[0]]) != key(&things[pair[1]]));
        numbers[pair[1]] = number;
    }
    numbers
}

/// Returns the hops of the best of some paths: of those to roots, if there are any.
fn best(rollout: &Rollout<'_>, mut paths: Vec<Path>, among: std::ops::Range<usize>) -> Vec<Hop> {
    let leads_on = |path: &Path| path.hop.as_ref().is_some_and(|hop| !matches!(hop.to, Node::Root(_)));
    let mut next = among.min_by_key(|place| (leads_on(&paths[*place]), paths[*place].rank));
    let mut hops = Vec::new();
    while let Some(place) = next {
        next = paths[place].before;
        hops.extend(paths[place].hop.take());
    }
    hops.reverse();
    for hop in hops.iter_mut().filter(|hop| hop.relation == Cause::AnsweredIn) {
        if let Node::Inference(id) = &hop.to {
            hop.just_seen = rollout.graph().inference_calls.get(id).map(|call| just_seen(rollout, call));
        }
    }
    hops
}
