//! How long is an answer of the API server waited for? As long as the caller says, and then it is away.

use std::time::Duration;

use tokio::time::timeout;

use super::watch::problem::Problem;

/// The answer, or [`Problem::Unreachable`] when it takes longer than `limit`.
pub(crate) async fn within<T, E>(
    limit: Duration,
    asked: impl Future<Output = Result<T, E>>,
) -> Result<T, Problem>
where
    Problem: From<E>,
{
    match timeout(limit, asked).await {
        Ok(answered) => Ok(answered?),
        Err(_late) => {
            let late = format!("no answer within {} s", limit.as_secs());
            Err(Problem::Unreachable(late))
        }
    }
}
