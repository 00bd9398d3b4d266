"""Which of the engine's settings an output may have: those that change what is spent, and not what SQL means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from featsql.errors import Diagnostic
from featsql.names import did_you_mean
from featsql.read.config.document import Document
from featsql.read.config.schema import OutputBlock

UTC = "sessions are in UTC, in a build and in Python alike: write `x at time zone '<zone>'` where a wall clock is meant"
SAID = "say it in the SQL of the models that mean it"
ALONE = "it would hold in some sessions of a build, and not in those of Python"
OURS = "featsql sets it itself"
USELESS = "it would have no effect"
PLACES = "give paths in full, or from the folder of the project"

# Settings that change what a query says, or that cannot be set here, each with what to do instead, or why not.
REFUSED: Mapping[str, str] = {
    "timezone": UTC,
    "calendar": SAID,
    "integer_division": "write `//` where whole numbers are meant",
    "default_null_order": "write `nulls first` or `nulls last`",
    "null_order": "write `nulls first` or `nulls last`",
    "default_order": "write `asc` or `desc`",
    "default_collation": "write `collate` where texts are compared",
    "ieee_floating_point_ops": SAID,
    "order_by_non_integer_literal": SAID,
    "scalar_subquery_error_on_multiple_rows": SAID,
    "lambda_syntax": "write `lambda x: ...`",
    "old_implicit_casting": "write the casts",
    "binary_as_string": "cast in a staging model: `x::varchar`",
    "dialect_compatibility_mode": "models are written in DuckDB's own SQL",
    "current_dialect": "models are written in DuckDB's own SQL",
    "active_grammar_extensions": "models are written in DuckDB's own SQL",
    "allow_parser_override_extension": "models are written in DuckDB's own SQL",
    "deprecated_using_key_syntax": "models are written in DuckDB's own SQL",
    "preserve_identifier_case": "models are written in DuckDB's own SQL",
    "disable_timestamptz_casts": SAID,
    "preserve_insertion_order": "featsql relies on it",
    "enable_geoparquet_conversion": SAID,
    "json_geometry_format": SAID,
    "ignore_unknown_crs": SAID,
    "search_path": "relations are named by ref() and source()",
    "schema": "give it as `schema:` of the output",
    "file_search_path": PLACES,
    "home_directory": PLACES,
    "parquet_can_have_nan": OURS,
    "streaming_buffer_size": OURS,
    "max_streaming_buffer_size": OURS,
    "autoinstall_known_extensions": "nothing is downloaded: install the extension, and name it in `extensions:`",
    "autoinstall_extension_repository": USELESS + ", since nothing is downloaded",
    "custom_extension_repository": USELESS + ", since nothing is downloaded",
    "allow_extension_repositories": USELESS + ", since nothing is downloaded",
    "extension_repository_directory": USELESS + ", since nothing is downloaded",
    "python_enable_replacements": OURS,
    "python_scan_all_frames": OURS,
    "pandas_analyze_sample": OURS,
    "arrow_large_buffer_size": OURS,
    "arrow_lossless_conversion": OURS,
    "arrow_output_list_view": OURS,
    "arrow_output_version": OURS,
    "produce_arrow_string_view": OURS,
    "errors_as_json": OURS,
    "explain_output": OURS,
    "show_behavior": USELESS,
    "warnings_as_errors": "give `rules:` the severity that they should have",
    "lock_configuration": "featsql changes settings as it goes",
    "validate_external_file_cache": "files are always read as they are",
    "enable_macro_dependencies": USELESS,
    "enable_view_dependencies": "views are put in each other's place by a build",
    "immediate_transaction_mode": OURS,
    "current_transaction_invalidation_policy": OURS,
    "default_transaction_invalidation_policy": OURS,
    "disable_database_invalidation": OURS,
    "prefetch_all_parquet_files": USELESS,
    "enable_object_cache": USELESS,
    "user": USELESS,
    "username": USELESS,
    "password": USELESS,
    "duckdb_api": OURS,
    "custom_user_agent": OURS,
    "standard_vector_size": "it is built into the engine",
    "allowed_configs": "it is set before the engine starts",
    "vacuum_rebuild_indexes": "it is set before the engine starts",
    "enable_http_logging": ALONE,
    "http_logging_output": ALONE,
    "access_mode": "it is set before the engine starts",
    "allow_unsigned_extensions": "it is set before the engine starts",
    "allow_extensions_metadata_mismatch": "it is set before the engine starts",
    "allow_unredacted_secrets": "secrets stay secrets",
    "checkpoint_on_detach": OURS,
    "enable_optimizer": "name those that should rest in `disabled_optimizers`",
    "operator_memory_limit": ALONE + ": give `memory_limit:`",
    "enable_profiling": ALONE,
    "custom_profiling_settings": ALONE,
    "profile_output": ALONE,
    "profiling_output": ALONE,
    "profiling_mode": ALONE,
    "profiling_coverage": ALONE,
    "profiling_renderer_settings": ALONE,
    "tracked_metrics": ALONE,
    "enable_progress_bar": ALONE,
    "enable_progress_bar_print": ALONE,
    "progress_bar_time": ALONE,
    "enable_caching_operators": OURS,
    "force_variant_shredding": OURS,
    "force_bitpacking_mode": OURS,
    "force_column_metadata_reuse": OURS,
    "experimental_metadata_reuse": OURS,
    "force_mbedtls_unsafe": "it is unsafe",
    "__delta_only_variant_encoding_enabled": OURS,
}
# What is spent, where it goes, what is kept from it, and what is told of it: no query says anything else for these.
RESOURCES = """
    threads worker_threads external_threads async_threads pin_threads scheduler_process_partial
    memory_limit max_memory temp_directory max_temp_directory_size temp_file_encryption block_allocator_memory
    allocator_background_threads allocator_bulk_deallocation_flush_threshold allocator_flush_threshold
    max_execution_time max_expression_depth pivot_limit catalog_error_max_schemas
    disabled_optimizers approximate_join_order_threshold asof_loop_join_threshold dynamic_or_filter_threshold
    index_scan_max_count index_scan_percentage late_materialization_max_rows merge_join_threshold
    nested_loop_join_threshold ordered_aggregate_threshold perfect_ht_threshold pivot_filter_threshold
    prefer_range_joins
    checkpoint_threshold wal_autocheckpoint wal_autocheckpoint_entries auto_checkpoint_skip_wal_threshold
    max_vacuum_tasks fsync_mode enable_optimistic_write
    default_block_size disabled_compression_methods force_compression storage_compatibility_version
    geometry_minimum_shredding_size variant_minimum_shredding_size zstd_min_string_length enable_fsst_vectors
    initial_column_segment_size write_buffer_row_group_count write_buffer_row_group_memory_limit
    partitioned_write_flush_threshold partitioned_write_max_open_files
    cache_local_files enable_external_file_cache external_file_cache_local_max_block_size
    external_file_cache_remote_max_block_size external_file_cache_remote_min_block_size
    external_file_cache_request_sizing external_file_cache_spill parquet_metadata_cache disable_parquet_prefetching
    parquet_prefetch_column_gap parquet_use_page_index read_ahead_depth storage_block_prefetch
    enable_http_metadata_cache http_proxy http_proxy_username http_proxy_password http_client_pool_capacity
    http_retry_quota_throttled http_retry_throttled_wait_ms
    extension_directory extension_directories autoload_known_extensions allow_community_extensions
    allow_persistent_secrets default_secret_storage secret_directory
    disabled_filesystems enable_external_access allowed_directories allowed_paths
    enable_logging logging_level logging_mode logging_sink logging_storage enabled_log_types disabled_log_types
    log_query_path redact_http_logs
"""
ALLOWED = frozenset(RESOURCES.split())
# How the settings of extensions that reach other places begin.
REMOTE = ("s3_", "http_", "httpfs_", "azure_", "gcs_", "hf_", "ca_cert", "enable_server_cert", "enable_curl")
# Those that the engine has for tests of itself.
OF_ITSELF = "debug_"
# Settings that an output has a key of its own for.
KEYS: Mapping[str, str] = {
    "threads": "threads",
    "worker_threads": "threads",
    "memory_limit": "memory_limit",
    "max_memory": "memory_limit",
    "temp_directory": "temp_directory",
}


def wrong_settings(outputs: Mapping[str, OutputBlock], document: Document) -> Iterator[Diagnostic]:
    """What is wrong with the settings of outputs, each at its name."""
    for output, block in outputs.items():
        for name in block.settings:
            found = wrong(name, block)
            if found is not None:
                place = document.key_place(("outputs", output, "settings", name))
                yield Diagnostic("FS123", found[0], place, found[1])


def wrong(name: str, block: OutputBlock) -> tuple[str, str | None] | None:
    """What is wrong with one setting, with a hint; None for nothing."""
    folded = name.casefold()
    key = KEYS.get(folded)
    if key is not None and getattr(block, key) is not None:
        return f"`{name}` has no effect beside `{key}:` of the output", "leave one of them out"
    if folded in ALLOWED or folded.startswith(REMOTE):
        return None
    if folded in REFUSED:
        return f"an output cannot set `{name}`", REFUSED[folded]
    hint = did_you_mean(folded, ALLOWED, "an output sets what is spent, such as `max_temp_directory_size`")
    return f"featsql knows no setting `{name}` that an output may have", hint
