//! What holds of the tables of any rollout.

#[cfg(test)]
mod canary;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod datasets;
#[cfg(feature = "sqlite")]
#[cfg(test)]
mod documented;
#[cfg(test)]
mod rows;
#[cfg(test)]
mod schema;
#[cfg(feature = "sqlite")]
#[cfg(test)]
mod sql;
#[cfg(test)]
mod support;
