//! Reading bundles of real bytes.

#[cfg(test)]
mod archives;
#[cfg(unix)]
#[cfg(test)]
mod changing;
#[cfg(test)]
mod dependants;
#[cfg(test)]
mod growing;
#[cfg(test)]
mod lines;
#[cfg(test)]
mod opening;
#[cfg(test)]
mod ordering;
#[cfg(test)]
mod packed;
#[cfg(test)]
mod packed_shards;
#[cfg(test)]
mod payloads;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod schema_3;
#[cfg(test)]
mod shards;
#[cfg(test)]
mod support;
