"""Tables of the pages, a module a section; `table_<name>` is shown as `tbl-<name>`."""
