export { RequestDetail } from "./request-detail";
export { DiffPage } from "./diff-page";
export { InboxList } from "./list/inbox-list";
export { RequestList } from "./list/request-list";
export { type Rows } from "./list/rows";
export { SearchList } from "./list/search-list";
export { addToSelection, useSelection } from "./selection";
export { PreviewList } from "./response-tab";
