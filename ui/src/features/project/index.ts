export { Managed, ManagedMark } from "./managed";
