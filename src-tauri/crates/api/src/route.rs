//! One path of the API: served from the start, described when somebody asks for the document.

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{MethodFilter, MethodRouter},
};
use hookbench_engine::Engine;
use utoipa_axum::{
    PathItemExt,
    router::{OpenApiRouter, UtoipaMethodRouter},
};

/// The functions behind one path. The schemas of all of them are megabytes, and few ever ask.
pub(crate) struct Route {
    pub(crate) path: String,
    pub(crate) served: MethodRouter<Arc<Engine>>,
    pub(crate) described: fn() -> UtoipaMethodRouter<Arc<Engine>>,
}

impl Route {
    /// Lets it take larger or smaller bodies than others.
    pub(crate) fn taking(self, limit: DefaultBodyLimit) -> Self {
        Self { served: self.served.layer(limit), ..self }
    }

    pub(crate) fn serve(router: Router<Arc<Engine>>, route: Self) -> Router<Arc<Engine>> {
        router.route(&route.path, route.served)
    }

    pub(crate) fn describe(router: OpenApiRouter<Arc<Engine>>, route: Self) -> OpenApiRouter<Arc<Engine>> {
        router.routes((route.described)())
    }
}

/// The methods a function is described with.
pub(crate) fn methods<P: utoipa::Path>() -> MethodFilter {
    let methods = P::methods().into_iter().map(|method| method.to_method_filter());
    methods.reduce(MethodFilter::or).unwrap_or(MethodFilter::GET)
}

/// A [`Route`] of functions that have the same path.
macro_rules! route {
    ($first:ident::$handler:ident $(, $more:ident::$another:ident)*) => {
        pastey::paste! {
            $crate::route::Route {
                path: <$first::[<__path_ $handler>] as utoipa::Path>::path(),
                served: axum::routing::MethodRouter::new()
                    .on($crate::route::methods::<$first::[<__path_ $handler>]>(), $first::$handler)
                    $(.on($crate::route::methods::<$more::[<__path_ $another>]>(), $more::$another))*,
                described: || utoipa_axum::routes!($first::$handler $(, $more::$another)*),
            }
        }
    };
}
pub(crate) use route;
