//! The shortest way from an effect to a root.
//!
//! Source: questions, section 2.4.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashSet},
};

use rollout_trace_schema::Seq;

use super::{Cause, Hop, hops::hops};
use crate::{Certainty, Node, rollout::Rollout};

/// What decides between paths of equal length: fewer hops that are not recorded, then earlier relations, then later
/// events and smaller ids, hop by hop.
type Rank = (usize, Vec<Cause>, Vec<(Reverse<Option<Seq>>, Node)>);

/// Returns the best path to a root; if none can be reached, the best one of those that lead furthest.
pub(super) fn path(rollout: &Rollout<'_>, subject: &Node) -> Vec<Hop> {
    let mut reached: HashSet<Node> = [subject.clone()].into();
    let mut layer: BTreeMap<Node, (Rank, Vec<Hop>)> = BTreeMap::new();
    layer.insert(subject.clone(), Default::default());
    loop {
        let mut next: BTreeMap<Node, (Rank, Vec<Hop>)> = BTreeMap::new();
        for (node, (rank, path)) in &layer {
            for hop in hops(rollout, node) {
                if reached.contains(&hop.to) {
                    continue;
                }
                let rank = extended(rank, &hop);
                match next.get(&hop.to) {
                    Some((other, _)) if *other <= rank => {}
                    _ => {
                        let to = hop.to.clone();
                        let path = path.iter().cloned().chain([hop]).collect();
                        next.insert(to, (rank, path));
                    }
                }
            }
        }
        let roots = next.iter().filter(|(node, _)| matches!(node, Node::Root(_)));
        if let Some((_, (_, path))) = roots.min_by(|(_, (left, _)), (_, (right, _))| left.cmp(right)) {
            return path.clone();
        }
        if next.is_empty() {
            let best = layer.into_values().min_by(|(left, _), (right, _)| left.cmp(right));
            return best.map(|(_, path)| path).unwrap_or_default();
        }
        reached.extend(next.keys().cloned());
        layer = next;
    }
}

fn extended((unrecorded, relations, steps): &Rank, hop: &Hop) -> Rank {
    let mut relations = relations.clone();
    relations.push(hop.relation);
    let mut steps = steps.clone();
    steps.push((Reverse(hop.seq), hop.to.clone()));
    (unrecorded + usize::from(hop.certainty != Certainty::Recorded), relations, steps)
}
