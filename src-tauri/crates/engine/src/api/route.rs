//! One path of the API: served from the start, described when somebody asks for the document.

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{MethodFilter, MethodRouter},
};
use utoipa_axum::{
    PathItemExt,
    router::{OpenApiRouter, UtoipaMethodRouter},
};

use crate::Engine;

/// The functions behind one path. The schemas of all of them are megabytes, and few ever ask.
pub(super) struct Route {
    pub(super) path: String,
    pub(super) served: MethodRouter<Arc<Engine>>,
    pub(super) described: fn() -> UtoipaMethodRouter<Arc<Engine>>,
}

impl Route {
    /// Lets it take larger or smaller bodies than others.
    pub(super) fn taking(self, limit: DefaultBodyLimit) -> Self {
        Self { served: self.served.layer(limit), ..self }
    }

    pub(super) fn serve(router: Router<Arc<Engine>>, route: Self) -> Router<Arc<Engine>> {
        router.route(&route.path, route.served)
    }

    pub(super) fn describe(router: OpenApiRouter<Arc<Engine>>, route: Self) -> OpenApiRouter<Arc<Engine>> {
        router.routes((route.described)())
    }
}

/// The methods a function is described with.
pub(super) fn methods<P: utoipa::Path>() -> MethodFilter {
    let methods = P::methods().into_iter().map(|method| method.to_method_filter());
    methods.reduce(MethodFilter::or).unwrap_or(MethodFilter::GET)
}

/// A [`Route`] of functions that have the same path.
macro_rules! route {
    ($first:ident::$handler:ident $(, $more:ident::$another:ident)*) => {
        pastey::paste! {
            $crate::api::route::Route {
                path: <$first::[<__path_ $handler>] as utoipa::Path>::path(),
                served: axum::routing::MethodRouter::new()
                    .on($crate::api::route::methods::<$first::[<__path_ $handler>]>(), $first::$handler)
                    $(.on($crate::api::route::methods::<$more::[<__path_ $another>]>(), $more::$another))*,
                described: || utoipa_axum::routes!($first::$handler $(, $more::$another)*),
            }
        }
    };
}
pub(super) use route;
