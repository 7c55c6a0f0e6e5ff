//! The service `Streams`: reading, following, appending to and deleting streams.
//!
//! For: one call each to the modules beside it.
//! May not know: how a call is carried out: `read`, `follow`, `append`, `batch`, `delete`.

pub(crate) mod append;
mod batch;
mod delete;
mod follow;
mod read;

pub(crate) use read::log_filter;

use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::Stream;
use tonic::{Request, Response, Status, Streaming};

use crate::door::Door;
use crate::fault::Fault;
use crate::proto::client::streams::streams_server::Streams;
use crate::proto::client::streams::{
    AppendReq, AppendResp, BatchAppendReq, BatchAppendResp, DeleteReq, DeleteResp, ReadReq,
    ReadResp, TombstoneReq, TombstoneResp, read_req::options::CountOption,
};

/// What a call answers in a stream.
pub(crate) type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The service.
#[derive(Clone)]
pub(crate) struct StreamsService(pub(crate) Arc<Door>);

#[async_trait]
impl Streams for StreamsService {
    type ReadStream = Answers<ReadResp>;
    type BatchAppendStream = Answers<BatchAppendResp>;

    async fn read(&self, request: Request<ReadReq>) -> Result<Response<Answers<ReadResp>>, Status> {
        let door = &self.0;
        door.keeper.may_read(Door::caller(&request))?;
        let seat = door.seats.take(Door::client(&request))?;
        let options = request.into_inner().options;
        let mut options = options.ok_or_else(|| Fault::invalid("a read needs options"))?;
        let answers = match options.count_option.take() {
            Some(CountOption::Subscription(_)) => follow::follow(door, options, seat).await?,
            Some(CountOption::Count(count)) => read::read(door, options, count, seat).await?,
            None => return Err(Fault::invalid("a read needs a count or a subscription").into()),
        };
        Ok(Response::new(answers))
    }

    async fn append(
        &self,
        request: Request<Streaming<AppendReq>>,
    ) -> Result<Response<AppendResp>, Status> {
        let caller = Door::caller(&request);
        let answer = append::append(&self.0, caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn batch_append(
        &self,
        request: Request<Streaming<BatchAppendReq>>,
    ) -> Result<Response<Answers<BatchAppendResp>>, Status> {
        let caller = Door::caller(&request);
        self.0.keeper.may_read(caller)?;
        let answers = batch::batch_append(Arc::clone(&self.0), caller, request.into_inner());
        Ok(Response::new(answers))
    }

    async fn delete(&self, request: Request<DeleteReq>) -> Result<Response<DeleteResp>, Status> {
        let caller = Door::caller(&request);
        let answer = delete::delete(&self.0, caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn tombstone(
        &self,
        request: Request<TombstoneReq>,
    ) -> Result<Response<TombstoneResp>, Status> {
        let caller = Door::caller(&request);
        let answer = delete::tombstone(&self.0, caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }
}
