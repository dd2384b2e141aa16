//! Routes of the API, whose OpenAPI descriptions are generated on demand.

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

/// Handlers of one path. The description is generated on demand, because the schemas of all routes take megabytes of
/// memory.
pub(crate) struct Route {
    pub(crate) path: String,
    pub(crate) served: MethodRouter<Arc<Engine>>,
    pub(crate) described: fn() -> UtoipaMethodRouter<Arc<Engine>>,
}

impl Route {
    /// Returns the route with another maximum size of request bodies.
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

/// Returns the HTTP methods in the description of a handler.
pub(crate) fn methods<P: utoipa::Path>() -> MethodFilter {
    let methods = P::methods().into_iter().map(|method| method.to_method_filter());
    methods.reduce(MethodFilter::or).unwrap_or(MethodFilter::GET)
}

/// Creates a [`Route`] from handlers of the same path.
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
