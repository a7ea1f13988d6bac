//! What holds of the tables of any rollout.

#[cfg(test)]
mod canary;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod datasets;
#[cfg(all(test, feature = "sqlite"))]
mod documented;
#[cfg(test)]
mod rows;
#[cfg(test)]
mod schema;
#[cfg(all(test, feature = "sqlite"))]
mod sql;
#[cfg(test)]
mod support;
