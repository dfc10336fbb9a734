from __future__ import annotations

import datetime
import uuid
from typing import (
    Annotated,
    Any,
    List,
    Literal,
    Optional,
    TypedDict,
)
from typing_extensions import NotRequired, TypeAlias

from pydantic import BaseModel, Field, JsonValue

AuthAalLevel: TypeAlias = Literal["aal1", "aal2", "aal3"]

PublicAssetKind: TypeAlias = Literal["image", "video", "audio", "document"]

PublicAssetRole: TypeAlias = Literal["reference_image", "source_video", "source_audio", "result_image", "result_video", "result_audio", "thumbnail", "sprite_sheet", "final_character", "subtitle"]

PublicCreditGrantKind: TypeAlias = Literal["allowance", "purchase", "bonus", "refund", "adjustment"]

PublicGenerationKind: TypeAlias = Literal["text_to_image", "text_to_video", "image_to_video", "video_edit", "voiceover", "character", "concept", "web_research", "content_summary", "video_segmentation"]

PublicGenerationMode: TypeAlias = Literal["draft", "fast", "standard", "ultra"]

PublicJobStatus: TypeAlias = Literal["pending", "queued", "starting", "processing", "finalizing", "completed", "failed", "cancelled", "expired"]

PublicPriceUnit: TypeAlias = Literal["job", "second", "output", "segment", "1k_characters"]

PublicSubscriptionTier: TypeAlias = Literal["free", "starter", "creator", "pro", "business", "enterprise"]

PublicTransactionStatus: TypeAlias = Literal["pending", "completed", "failed", "cancelled", "refunded"]

PublicTransactionType: TypeAlias = Literal["purchase", "deduction", "refund", "bonus", "grant", "expiration", "adjustment", "chargeback"]

StorageBuckettype: TypeAlias = Literal["STANDARD", "ANALYTICS", "VECTOR"]

WorkerTaskStep: TypeAlias = Literal["submit", "poll", "collect"]

class PublicAssets(BaseModel):
    bucket: str = Field(alias="bucket")
    created_at: datetime.datetime = Field(alias="created_at")
    duration_ms: Optional[int] = Field(alias="duration_ms")
    height: Optional[int] = Field(alias="height")
    id: uuid.UUID = Field(alias="id")
    kind: PublicAssetKind = Field(alias="kind")
    mime_type: str = Field(alias="mime_type")
    project_id: Optional[uuid.UUID] = Field(alias="project_id")
    sha256: Optional[str] = Field(alias="sha256")
    size_bytes: int = Field(alias="size_bytes")
    storage_path: str = Field(alias="storage_path")
    style: Optional[str] = Field(alias="style")
    thumbnail_id: Optional[uuid.UUID] = Field(alias="thumbnail_id")
    updated_at: datetime.datetime = Field(alias="updated_at")
    user_id: uuid.UUID = Field(alias="user_id")
    width: Optional[int] = Field(alias="width")

class PublicAssetsInsert(TypedDict):
    bucket: Annotated[str, Field(alias="bucket")]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    duration_ms: NotRequired[Annotated[Optional[int], Field(alias="duration_ms")]]
    height: NotRequired[Annotated[Optional[int], Field(alias="height")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    kind: Annotated[PublicAssetKind, Field(alias="kind")]
    mime_type: Annotated[str, Field(alias="mime_type")]
    project_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="project_id")]]
    sha256: NotRequired[Annotated[Optional[str], Field(alias="sha256")]]
    size_bytes: Annotated[int, Field(alias="size_bytes")]
    storage_path: Annotated[str, Field(alias="storage_path")]
    style: NotRequired[Annotated[Optional[str], Field(alias="style")]]
    thumbnail_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="thumbnail_id")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]
    width: NotRequired[Annotated[Optional[int], Field(alias="width")]]

class PublicAssetsUpdate(TypedDict):
    bucket: NotRequired[Annotated[str, Field(alias="bucket")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    duration_ms: NotRequired[Annotated[Optional[int], Field(alias="duration_ms")]]
    height: NotRequired[Annotated[Optional[int], Field(alias="height")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    kind: NotRequired[Annotated[PublicAssetKind, Field(alias="kind")]]
    mime_type: NotRequired[Annotated[str, Field(alias="mime_type")]]
    project_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="project_id")]]
    sha256: NotRequired[Annotated[Optional[str], Field(alias="sha256")]]
    size_bytes: NotRequired[Annotated[int, Field(alias="size_bytes")]]
    storage_path: NotRequired[Annotated[str, Field(alias="storage_path")]]
    style: NotRequired[Annotated[Optional[str], Field(alias="style")]]
    thumbnail_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="thumbnail_id")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]
    width: NotRequired[Annotated[Optional[int], Field(alias="width")]]

class PublicCreditAccounts(BaseModel):
    balance: float = Field(alias="balance")
    created_at: datetime.datetime = Field(alias="created_at")
    debt: float = Field(alias="debt")
    last_transaction_at: Optional[datetime.datetime] = Field(alias="last_transaction_at")
    lifetime_earned: float = Field(alias="lifetime_earned")
    lifetime_spent: float = Field(alias="lifetime_spent")
    monthly_allowance: float = Field(alias="monthly_allowance")
    period_ends_at: Optional[datetime.datetime] = Field(alias="period_ends_at")
    period_started_at: Optional[datetime.datetime] = Field(alias="period_started_at")
    updated_at: datetime.datetime = Field(alias="updated_at")
    user_id: uuid.UUID = Field(alias="user_id")
    version: int = Field(alias="version")

class PublicCreditAccountsInsert(TypedDict):
    balance: NotRequired[Annotated[float, Field(alias="balance")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    debt: NotRequired[Annotated[float, Field(alias="debt")]]
    last_transaction_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="last_transaction_at")]]
    lifetime_earned: NotRequired[Annotated[float, Field(alias="lifetime_earned")]]
    lifetime_spent: NotRequired[Annotated[float, Field(alias="lifetime_spent")]]
    monthly_allowance: NotRequired[Annotated[float, Field(alias="monthly_allowance")]]
    period_ends_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="period_ends_at")]]
    period_started_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="period_started_at")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: Annotated[uuid.UUID, Field(alias="user_id")]
    version: NotRequired[Annotated[int, Field(alias="version")]]

class PublicCreditAccountsUpdate(TypedDict):
    balance: NotRequired[Annotated[float, Field(alias="balance")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    debt: NotRequired[Annotated[float, Field(alias="debt")]]
    last_transaction_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="last_transaction_at")]]
    lifetime_earned: NotRequired[Annotated[float, Field(alias="lifetime_earned")]]
    lifetime_spent: NotRequired[Annotated[float, Field(alias="lifetime_spent")]]
    monthly_allowance: NotRequired[Annotated[float, Field(alias="monthly_allowance")]]
    period_ends_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="period_ends_at")]]
    period_started_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="period_started_at")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]
    version: NotRequired[Annotated[int, Field(alias="version")]]

class PublicCreditAllocations(BaseModel):
    amount: float = Field(alias="amount")
    grant_id: uuid.UUID = Field(alias="grant_id")
    transaction_id: uuid.UUID = Field(alias="transaction_id")

class PublicCreditAllocationsInsert(TypedDict):
    amount: Annotated[float, Field(alias="amount")]
    grant_id: Annotated[uuid.UUID, Field(alias="grant_id")]
    transaction_id: Annotated[uuid.UUID, Field(alias="transaction_id")]

class PublicCreditAllocationsUpdate(TypedDict):
    amount: NotRequired[Annotated[float, Field(alias="amount")]]
    grant_id: NotRequired[Annotated[uuid.UUID, Field(alias="grant_id")]]
    transaction_id: NotRequired[Annotated[uuid.UUID, Field(alias="transaction_id")]]

class PublicCreditGrants(BaseModel):
    amount: float = Field(alias="amount")
    created_at: datetime.datetime = Field(alias="created_at")
    expires_at: Optional[datetime.datetime] = Field(alias="expires_at")
    id: uuid.UUID = Field(alias="id")
    kind: PublicCreditGrantKind = Field(alias="kind")
    priority: int = Field(alias="priority")
    remaining: float = Field(alias="remaining")
    source_key: str = Field(alias="source_key")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicCreditGrantsInsert(TypedDict):
    amount: Annotated[float, Field(alias="amount")]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    expires_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="expires_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    kind: Annotated[PublicCreditGrantKind, Field(alias="kind")]
    priority: NotRequired[Annotated[int, Field(alias="priority")]]
    remaining: Annotated[float, Field(alias="remaining")]
    source_key: Annotated[str, Field(alias="source_key")]
    user_id: Annotated[uuid.UUID, Field(alias="user_id")]

class PublicCreditGrantsUpdate(TypedDict):
    amount: NotRequired[Annotated[float, Field(alias="amount")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    expires_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="expires_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    kind: NotRequired[Annotated[PublicCreditGrantKind, Field(alias="kind")]]
    priority: NotRequired[Annotated[int, Field(alias="priority")]]
    remaining: NotRequired[Annotated[float, Field(alias="remaining")]]
    source_key: NotRequired[Annotated[str, Field(alias="source_key")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicCreditPackages(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    credits: float = Field(alias="credits")
    currency: str = Field(alias="currency")
    discount_percent: int = Field(alias="discount_percent")
    id: uuid.UUID = Field(alias="id")
    is_active: bool = Field(alias="is_active")
    name: str = Field(alias="name")
    price: Optional[float] = Field(alias="price")
    price_minor: int = Field(alias="price_minor")
    slug: str = Field(alias="slug")
    sort_order: int = Field(alias="sort_order")
    updated_at: datetime.datetime = Field(alias="updated_at")

class PublicCreditPackagesInsert(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    credits: Annotated[float, Field(alias="credits")]
    currency: Annotated[str, Field(alias="currency")]
    discount_percent: NotRequired[Annotated[int, Field(alias="discount_percent")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_active: NotRequired[Annotated[bool, Field(alias="is_active")]]
    name: Annotated[str, Field(alias="name")]
    price: NotRequired[Annotated[Optional[float], Field(alias="price")]]
    price_minor: Annotated[int, Field(alias="price_minor")]
    slug: Annotated[str, Field(alias="slug")]
    sort_order: NotRequired[Annotated[int, Field(alias="sort_order")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]

class PublicCreditPackagesUpdate(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    credits: NotRequired[Annotated[float, Field(alias="credits")]]
    currency: NotRequired[Annotated[str, Field(alias="currency")]]
    discount_percent: NotRequired[Annotated[int, Field(alias="discount_percent")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_active: NotRequired[Annotated[bool, Field(alias="is_active")]]
    name: NotRequired[Annotated[str, Field(alias="name")]]
    price: NotRequired[Annotated[Optional[float], Field(alias="price")]]
    price_minor: NotRequired[Annotated[int, Field(alias="price_minor")]]
    slug: NotRequired[Annotated[str, Field(alias="slug")]]
    sort_order: NotRequired[Annotated[int, Field(alias="sort_order")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]

class PublicCreditTransactions(BaseModel):
    amount: float = Field(alias="amount")
    balance_after: float = Field(alias="balance_after")
    created_at: datetime.datetime = Field(alias="created_at")
    description: Optional[str] = Field(alias="description")
    id: uuid.UUID = Field(alias="id")
    idempotency_key: Optional[str] = Field(alias="idempotency_key")
    is_edit_call: bool = Field(alias="is_edit_call")
    job_id: Optional[uuid.UUID] = Field(alias="job_id")
    metadata: JsonValue = Field(alias="metadata")
    model_id: Optional[str] = Field(alias="model_id")
    operation_type: Optional[PublicGenerationKind] = Field(alias="operation_type")
    processed_at: Optional[datetime.datetime] = Field(alias="processed_at")
    reverses_id: Optional[uuid.UUID] = Field(alias="reverses_id")
    status: PublicTransactionStatus = Field(alias="status")
    type: PublicTransactionType = Field(alias="type")
    user_id: uuid.UUID = Field(alias="user_id")
    version: int = Field(alias="version")

class PublicCreditTransactionsInsert(TypedDict):
    amount: Annotated[float, Field(alias="amount")]
    balance_after: Annotated[float, Field(alias="balance_after")]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    description: NotRequired[Annotated[Optional[str], Field(alias="description")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    idempotency_key: NotRequired[Annotated[Optional[str], Field(alias="idempotency_key")]]
    is_edit_call: NotRequired[Annotated[bool, Field(alias="is_edit_call")]]
    job_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="job_id")]]
    metadata: NotRequired[Annotated[JsonValue, Field(alias="metadata")]]
    model_id: NotRequired[Annotated[Optional[str], Field(alias="model_id")]]
    operation_type: NotRequired[Annotated[Optional[PublicGenerationKind], Field(alias="operation_type")]]
    processed_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="processed_at")]]
    reverses_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="reverses_id")]]
    status: NotRequired[Annotated[PublicTransactionStatus, Field(alias="status")]]
    type: Annotated[PublicTransactionType, Field(alias="type")]
    user_id: Annotated[uuid.UUID, Field(alias="user_id")]
    version: Annotated[int, Field(alias="version")]

class PublicCreditTransactionsUpdate(TypedDict):
    amount: NotRequired[Annotated[float, Field(alias="amount")]]
    balance_after: NotRequired[Annotated[float, Field(alias="balance_after")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    description: NotRequired[Annotated[Optional[str], Field(alias="description")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    idempotency_key: NotRequired[Annotated[Optional[str], Field(alias="idempotency_key")]]
    is_edit_call: NotRequired[Annotated[bool, Field(alias="is_edit_call")]]
    job_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="job_id")]]
    metadata: NotRequired[Annotated[JsonValue, Field(alias="metadata")]]
    model_id: NotRequired[Annotated[Optional[str], Field(alias="model_id")]]
    operation_type: NotRequired[Annotated[Optional[PublicGenerationKind], Field(alias="operation_type")]]
    processed_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="processed_at")]]
    reverses_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="reverses_id")]]
    status: NotRequired[Annotated[PublicTransactionStatus, Field(alias="status")]]
    type: NotRequired[Annotated[PublicTransactionType, Field(alias="type")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]
    version: NotRequired[Annotated[int, Field(alias="version")]]

class PublicGenerationJobs(BaseModel):
    art_style: Optional[str] = Field(alias="art_style")
    aspect_ratio: Optional[str] = Field(alias="aspect_ratio")
    attempt_count: int = Field(alias="attempt_count")
    audio_instructions: Optional[str] = Field(alias="audio_instructions")
    created_at: datetime.datetime = Field(alias="created_at")
    credit_cost: float = Field(alias="credit_cost")
    credit_transaction_id: Optional[uuid.UUID] = Field(alias="credit_transaction_id")
    duration_seconds: Optional[float] = Field(alias="duration_seconds")
    error_code: Optional[str] = Field(alias="error_code")
    error_message: Optional[str] = Field(alias="error_message")
    finished_at: Optional[datetime.datetime] = Field(alias="finished_at")
    hidden_at: Optional[datetime.datetime] = Field(alias="hidden_at")
    id: uuid.UUID = Field(alias="id")
    idempotency_key: Optional[str] = Field(alias="idempotency_key")
    is_edit_call: bool = Field(alias="is_edit_call")
    is_refunded: bool = Field(alias="is_refunded")
    kind: PublicGenerationKind = Field(alias="kind")
    max_attempts: int = Field(alias="max_attempts")
    mode: PublicGenerationMode = Field(alias="mode")
    model_id: str = Field(alias="model_id")
    negative_prompt: Optional[str] = Field(alias="negative_prompt")
    output_count: int = Field(alias="output_count")
    parameters: JsonValue = Field(alias="parameters")
    parent_job_id: Optional[uuid.UUID] = Field(alias="parent_job_id")
    priority: int = Field(alias="priority")
    progress: int = Field(alias="progress")
    project_id: Optional[uuid.UUID] = Field(alias="project_id")
    prompt: str = Field(alias="prompt")
    provider: str = Field(alias="provider")
    provider_job_id: Optional[str] = Field(alias="provider_job_id")
    queued_at: Optional[datetime.datetime] = Field(alias="queued_at")
    resolution: Optional[str] = Field(alias="resolution")
    started_at: Optional[datetime.datetime] = Field(alias="started_at")
    status: PublicJobStatus = Field(alias="status")
    updated_at: datetime.datetime = Field(alias="updated_at")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicGenerationJobsInsert(TypedDict):
    art_style: NotRequired[Annotated[Optional[str], Field(alias="art_style")]]
    aspect_ratio: NotRequired[Annotated[Optional[str], Field(alias="aspect_ratio")]]
    attempt_count: NotRequired[Annotated[int, Field(alias="attempt_count")]]
    audio_instructions: NotRequired[Annotated[Optional[str], Field(alias="audio_instructions")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    credit_cost: Annotated[float, Field(alias="credit_cost")]
    credit_transaction_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="credit_transaction_id")]]
    duration_seconds: NotRequired[Annotated[Optional[float], Field(alias="duration_seconds")]]
    error_code: NotRequired[Annotated[Optional[str], Field(alias="error_code")]]
    error_message: NotRequired[Annotated[Optional[str], Field(alias="error_message")]]
    finished_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="finished_at")]]
    hidden_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="hidden_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    idempotency_key: NotRequired[Annotated[Optional[str], Field(alias="idempotency_key")]]
    is_edit_call: NotRequired[Annotated[bool, Field(alias="is_edit_call")]]
    is_refunded: NotRequired[Annotated[bool, Field(alias="is_refunded")]]
    kind: Annotated[PublicGenerationKind, Field(alias="kind")]
    max_attempts: NotRequired[Annotated[int, Field(alias="max_attempts")]]
    mode: NotRequired[Annotated[PublicGenerationMode, Field(alias="mode")]]
    model_id: Annotated[str, Field(alias="model_id")]
    negative_prompt: NotRequired[Annotated[Optional[str], Field(alias="negative_prompt")]]
    output_count: NotRequired[Annotated[int, Field(alias="output_count")]]
    parameters: NotRequired[Annotated[JsonValue, Field(alias="parameters")]]
    parent_job_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="parent_job_id")]]
    priority: NotRequired[Annotated[int, Field(alias="priority")]]
    progress: NotRequired[Annotated[int, Field(alias="progress")]]
    project_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="project_id")]]
    prompt: Annotated[str, Field(alias="prompt")]
    provider: Annotated[str, Field(alias="provider")]
    provider_job_id: NotRequired[Annotated[Optional[str], Field(alias="provider_job_id")]]
    queued_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="queued_at")]]
    resolution: NotRequired[Annotated[Optional[str], Field(alias="resolution")]]
    started_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="started_at")]]
    status: NotRequired[Annotated[PublicJobStatus, Field(alias="status")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicGenerationJobsUpdate(TypedDict):
    art_style: NotRequired[Annotated[Optional[str], Field(alias="art_style")]]
    aspect_ratio: NotRequired[Annotated[Optional[str], Field(alias="aspect_ratio")]]
    attempt_count: NotRequired[Annotated[int, Field(alias="attempt_count")]]
    audio_instructions: NotRequired[Annotated[Optional[str], Field(alias="audio_instructions")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    credit_cost: NotRequired[Annotated[float, Field(alias="credit_cost")]]
    credit_transaction_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="credit_transaction_id")]]
    duration_seconds: NotRequired[Annotated[Optional[float], Field(alias="duration_seconds")]]
    error_code: NotRequired[Annotated[Optional[str], Field(alias="error_code")]]
    error_message: NotRequired[Annotated[Optional[str], Field(alias="error_message")]]
    finished_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="finished_at")]]
    hidden_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="hidden_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    idempotency_key: NotRequired[Annotated[Optional[str], Field(alias="idempotency_key")]]
    is_edit_call: NotRequired[Annotated[bool, Field(alias="is_edit_call")]]
    is_refunded: NotRequired[Annotated[bool, Field(alias="is_refunded")]]
    kind: NotRequired[Annotated[PublicGenerationKind, Field(alias="kind")]]
    max_attempts: NotRequired[Annotated[int, Field(alias="max_attempts")]]
    mode: NotRequired[Annotated[PublicGenerationMode, Field(alias="mode")]]
    model_id: NotRequired[Annotated[str, Field(alias="model_id")]]
    negative_prompt: NotRequired[Annotated[Optional[str], Field(alias="negative_prompt")]]
    output_count: NotRequired[Annotated[int, Field(alias="output_count")]]
    parameters: NotRequired[Annotated[JsonValue, Field(alias="parameters")]]
    parent_job_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="parent_job_id")]]
    priority: NotRequired[Annotated[int, Field(alias="priority")]]
    progress: NotRequired[Annotated[int, Field(alias="progress")]]
    project_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="project_id")]]
    prompt: NotRequired[Annotated[str, Field(alias="prompt")]]
    provider: NotRequired[Annotated[str, Field(alias="provider")]]
    provider_job_id: NotRequired[Annotated[Optional[str], Field(alias="provider_job_id")]]
    queued_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="queued_at")]]
    resolution: NotRequired[Annotated[Optional[str], Field(alias="resolution")]]
    started_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="started_at")]]
    status: NotRequired[Annotated[PublicJobStatus, Field(alias="status")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicJobAssets(BaseModel):
    asset_id: uuid.UUID = Field(alias="asset_id")
    created_at: datetime.datetime = Field(alias="created_at")
    job_id: uuid.UUID = Field(alias="job_id")
    position: int = Field(alias="position")
    role: PublicAssetRole = Field(alias="role")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicJobAssetsInsert(TypedDict):
    asset_id: Annotated[uuid.UUID, Field(alias="asset_id")]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    job_id: Annotated[uuid.UUID, Field(alias="job_id")]
    position: NotRequired[Annotated[int, Field(alias="position")]]
    role: Annotated[PublicAssetRole, Field(alias="role")]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicJobAssetsUpdate(TypedDict):
    asset_id: NotRequired[Annotated[uuid.UUID, Field(alias="asset_id")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    job_id: NotRequired[Annotated[uuid.UUID, Field(alias="job_id")]]
    position: NotRequired[Annotated[int, Field(alias="position")]]
    role: NotRequired[Annotated[PublicAssetRole, Field(alias="role")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicJobEvents(BaseModel):
    actor: str = Field(alias="actor")
    created_at: datetime.datetime = Field(alias="created_at")
    from_status: Optional[PublicJobStatus] = Field(alias="from_status")
    id: int = Field(alias="id")
    job_id: uuid.UUID = Field(alias="job_id")
    note: Optional[str] = Field(alias="note")
    to_status: PublicJobStatus = Field(alias="to_status")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicJobEventsInsert(TypedDict):
    actor: Annotated[str, Field(alias="actor")]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    from_status: NotRequired[Annotated[Optional[PublicJobStatus], Field(alias="from_status")]]
    id: NotRequired[Annotated[int, Field(alias="id")]]
    job_id: Annotated[uuid.UUID, Field(alias="job_id")]
    note: NotRequired[Annotated[Optional[str], Field(alias="note")]]
    to_status: Annotated[PublicJobStatus, Field(alias="to_status")]
    user_id: Annotated[uuid.UUID, Field(alias="user_id")]

class PublicJobEventsUpdate(TypedDict):
    actor: NotRequired[Annotated[str, Field(alias="actor")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    from_status: NotRequired[Annotated[Optional[PublicJobStatus], Field(alias="from_status")]]
    id: NotRequired[Annotated[int, Field(alias="id")]]
    job_id: NotRequired[Annotated[uuid.UUID, Field(alias="job_id")]]
    note: NotRequired[Annotated[Optional[str], Field(alias="note")]]
    to_status: NotRequired[Annotated[PublicJobStatus, Field(alias="to_status")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicModelPrices(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    credits: float = Field(alias="credits")
    edit_credits: Optional[float] = Field(alias="edit_credits")
    kind: PublicGenerationKind = Field(alias="kind")
    minimum: float = Field(alias="minimum")
    mode: PublicGenerationMode = Field(alias="mode")
    model_id: str = Field(alias="model_id")
    unit: PublicPriceUnit = Field(alias="unit")
    updated_at: datetime.datetime = Field(alias="updated_at")

class PublicModelPricesInsert(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    credits: Annotated[float, Field(alias="credits")]
    edit_credits: NotRequired[Annotated[Optional[float], Field(alias="edit_credits")]]
    kind: Annotated[PublicGenerationKind, Field(alias="kind")]
    minimum: NotRequired[Annotated[float, Field(alias="minimum")]]
    mode: Annotated[PublicGenerationMode, Field(alias="mode")]
    model_id: Annotated[str, Field(alias="model_id")]
    unit: Annotated[PublicPriceUnit, Field(alias="unit")]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]

class PublicModelPricesUpdate(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    credits: NotRequired[Annotated[float, Field(alias="credits")]]
    edit_credits: NotRequired[Annotated[Optional[float], Field(alias="edit_credits")]]
    kind: NotRequired[Annotated[PublicGenerationKind, Field(alias="kind")]]
    minimum: NotRequired[Annotated[float, Field(alias="minimum")]]
    mode: NotRequired[Annotated[PublicGenerationMode, Field(alias="mode")]]
    model_id: NotRequired[Annotated[str, Field(alias="model_id")]]
    unit: NotRequired[Annotated[PublicPriceUnit, Field(alias="unit")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]

class PublicModels(BaseModel):
    aspect_ratios: List[str] = Field(alias="aspect_ratios")
    created_at: datetime.datetime = Field(alias="created_at")
    default_seconds: Optional[float] = Field(alias="default_seconds")
    description: Optional[str] = Field(alias="description")
    display_name: str = Field(alias="display_name")
    id: str = Field(alias="id")
    is_active: bool = Field(alias="is_active")
    kinds: List[PublicGenerationKind] = Field(alias="kinds")
    max_outputs: int = Field(alias="max_outputs")
    max_prompt_characters: int = Field(alias="max_prompt_characters")
    max_reference_images: int = Field(alias="max_reference_images")
    max_seconds: Optional[float] = Field(alias="max_seconds")
    min_seconds: Optional[float] = Field(alias="min_seconds")
    modes: List[PublicGenerationMode] = Field(alias="modes")
    provider: str = Field(alias="provider")
    provider_model: str = Field(alias="provider_model")
    resolutions: List[str] = Field(alias="resolutions")
    sort_order: int = Field(alias="sort_order")
    updated_at: datetime.datetime = Field(alias="updated_at")
    version: str = Field(alias="version")

class PublicModelsInsert(TypedDict):
    aspect_ratios: NotRequired[Annotated[List[str], Field(alias="aspect_ratios")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    default_seconds: NotRequired[Annotated[Optional[float], Field(alias="default_seconds")]]
    description: NotRequired[Annotated[Optional[str], Field(alias="description")]]
    display_name: Annotated[str, Field(alias="display_name")]
    id: Annotated[str, Field(alias="id")]
    is_active: NotRequired[Annotated[bool, Field(alias="is_active")]]
    kinds: Annotated[List[PublicGenerationKind], Field(alias="kinds")]
    max_outputs: NotRequired[Annotated[int, Field(alias="max_outputs")]]
    max_prompt_characters: NotRequired[Annotated[int, Field(alias="max_prompt_characters")]]
    max_reference_images: NotRequired[Annotated[int, Field(alias="max_reference_images")]]
    max_seconds: NotRequired[Annotated[Optional[float], Field(alias="max_seconds")]]
    min_seconds: NotRequired[Annotated[Optional[float], Field(alias="min_seconds")]]
    modes: Annotated[List[PublicGenerationMode], Field(alias="modes")]
    provider: Annotated[str, Field(alias="provider")]
    provider_model: Annotated[str, Field(alias="provider_model")]
    resolutions: NotRequired[Annotated[List[str], Field(alias="resolutions")]]
    sort_order: NotRequired[Annotated[int, Field(alias="sort_order")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    version: NotRequired[Annotated[str, Field(alias="version")]]

class PublicModelsUpdate(TypedDict):
    aspect_ratios: NotRequired[Annotated[List[str], Field(alias="aspect_ratios")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    default_seconds: NotRequired[Annotated[Optional[float], Field(alias="default_seconds")]]
    description: NotRequired[Annotated[Optional[str], Field(alias="description")]]
    display_name: NotRequired[Annotated[str, Field(alias="display_name")]]
    id: NotRequired[Annotated[str, Field(alias="id")]]
    is_active: NotRequired[Annotated[bool, Field(alias="is_active")]]
    kinds: NotRequired[Annotated[List[PublicGenerationKind], Field(alias="kinds")]]
    max_outputs: NotRequired[Annotated[int, Field(alias="max_outputs")]]
    max_prompt_characters: NotRequired[Annotated[int, Field(alias="max_prompt_characters")]]
    max_reference_images: NotRequired[Annotated[int, Field(alias="max_reference_images")]]
    max_seconds: NotRequired[Annotated[Optional[float], Field(alias="max_seconds")]]
    min_seconds: NotRequired[Annotated[Optional[float], Field(alias="min_seconds")]]
    modes: NotRequired[Annotated[List[PublicGenerationMode], Field(alias="modes")]]
    provider: NotRequired[Annotated[str, Field(alias="provider")]]
    provider_model: NotRequired[Annotated[str, Field(alias="provider_model")]]
    resolutions: NotRequired[Annotated[List[str], Field(alias="resolutions")]]
    sort_order: NotRequired[Annotated[int, Field(alias="sort_order")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    version: NotRequired[Annotated[str, Field(alias="version")]]

class PublicProfiles(BaseModel):
    avatar_url: Optional[str] = Field(alias="avatar_url")
    created_at: datetime.datetime = Field(alias="created_at")
    deleted_at: Optional[datetime.datetime] = Field(alias="deleted_at")
    email: Optional[str] = Field(alias="email")
    first_name: Optional[str] = Field(alias="first_name")
    full_name: Optional[str] = Field(alias="full_name")
    last_login_at: Optional[datetime.datetime] = Field(alias="last_login_at")
    last_name: Optional[str] = Field(alias="last_name")
    subscription_tier: PublicSubscriptionTier = Field(alias="subscription_tier")
    updated_at: datetime.datetime = Field(alias="updated_at")
    user_id: uuid.UUID = Field(alias="user_id")
    username: str = Field(alias="username")

class PublicProfilesInsert(TypedDict):
    avatar_url: NotRequired[Annotated[Optional[str], Field(alias="avatar_url")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    deleted_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="deleted_at")]]
    email: NotRequired[Annotated[Optional[str], Field(alias="email")]]
    first_name: NotRequired[Annotated[Optional[str], Field(alias="first_name")]]
    full_name: NotRequired[Annotated[Optional[str], Field(alias="full_name")]]
    last_login_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="last_login_at")]]
    last_name: NotRequired[Annotated[Optional[str], Field(alias="last_name")]]
    subscription_tier: NotRequired[Annotated[PublicSubscriptionTier, Field(alias="subscription_tier")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: Annotated[uuid.UUID, Field(alias="user_id")]
    username: Annotated[str, Field(alias="username")]

class PublicProfilesUpdate(TypedDict):
    avatar_url: NotRequired[Annotated[Optional[str], Field(alias="avatar_url")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    deleted_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="deleted_at")]]
    email: NotRequired[Annotated[Optional[str], Field(alias="email")]]
    first_name: NotRequired[Annotated[Optional[str], Field(alias="first_name")]]
    full_name: NotRequired[Annotated[Optional[str], Field(alias="full_name")]]
    last_login_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="last_login_at")]]
    last_name: NotRequired[Annotated[Optional[str], Field(alias="last_name")]]
    subscription_tier: NotRequired[Annotated[PublicSubscriptionTier, Field(alias="subscription_tier")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]
    username: NotRequired[Annotated[str, Field(alias="username")]]

class PublicProjects(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    deleted_at: Optional[datetime.datetime] = Field(alias="deleted_at")
    description: Optional[str] = Field(alias="description")
    id: uuid.UUID = Field(alias="id")
    is_public: bool = Field(alias="is_public")
    name: str = Field(alias="name")
    share_token: Optional[str] = Field(alias="share_token")
    updated_at: datetime.datetime = Field(alias="updated_at")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicProjectsInsert(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    deleted_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="deleted_at")]]
    description: NotRequired[Annotated[Optional[str], Field(alias="description")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_public: NotRequired[Annotated[bool, Field(alias="is_public")]]
    name: Annotated[str, Field(alias="name")]
    share_token: NotRequired[Annotated[Optional[str], Field(alias="share_token")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicProjectsUpdate(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    deleted_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="deleted_at")]]
    description: NotRequired[Annotated[Optional[str], Field(alias="description")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_public: NotRequired[Annotated[bool, Field(alias="is_public")]]
    name: NotRequired[Annotated[str, Field(alias="name")]]
    share_token: NotRequired[Annotated[Optional[str], Field(alias="share_token")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicSubscriptionPlans(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    currency: str = Field(alias="currency")
    description: Optional[str] = Field(alias="description")
    is_active: bool = Field(alias="is_active")
    job_priority: int = Field(alias="job_priority")
    max_active_jobs: int = Field(alias="max_active_jobs")
    max_running_jobs: int = Field(alias="max_running_jobs")
    monthly_allowance: float = Field(alias="monthly_allowance")
    name: str = Field(alias="name")
    price_minor: int = Field(alias="price_minor")
    sort_order: int = Field(alias="sort_order")
    tier: PublicSubscriptionTier = Field(alias="tier")
    updated_at: datetime.datetime = Field(alias="updated_at")

class PublicSubscriptionPlansInsert(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    currency: Annotated[str, Field(alias="currency")]
    description: NotRequired[Annotated[Optional[str], Field(alias="description")]]
    is_active: NotRequired[Annotated[bool, Field(alias="is_active")]]
    job_priority: NotRequired[Annotated[int, Field(alias="job_priority")]]
    max_active_jobs: Annotated[int, Field(alias="max_active_jobs")]
    max_running_jobs: Annotated[int, Field(alias="max_running_jobs")]
    monthly_allowance: Annotated[float, Field(alias="monthly_allowance")]
    name: Annotated[str, Field(alias="name")]
    price_minor: Annotated[int, Field(alias="price_minor")]
    sort_order: NotRequired[Annotated[int, Field(alias="sort_order")]]
    tier: Annotated[PublicSubscriptionTier, Field(alias="tier")]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]

class PublicSubscriptionPlansUpdate(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    currency: NotRequired[Annotated[str, Field(alias="currency")]]
    description: NotRequired[Annotated[Optional[str], Field(alias="description")]]
    is_active: NotRequired[Annotated[bool, Field(alias="is_active")]]
    job_priority: NotRequired[Annotated[int, Field(alias="job_priority")]]
    max_active_jobs: NotRequired[Annotated[int, Field(alias="max_active_jobs")]]
    max_running_jobs: NotRequired[Annotated[int, Field(alias="max_running_jobs")]]
    monthly_allowance: NotRequired[Annotated[float, Field(alias="monthly_allowance")]]
    name: NotRequired[Annotated[str, Field(alias="name")]]
    price_minor: NotRequired[Annotated[int, Field(alias="price_minor")]]
    sort_order: NotRequired[Annotated[int, Field(alias="sort_order")]]
    tier: NotRequired[Annotated[PublicSubscriptionTier, Field(alias="tier")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]

class PublicUserPreferences(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    default_aspect_ratio: Optional[str] = Field(alias="default_aspect_ratio")
    default_duration_seconds: Optional[float] = Field(alias="default_duration_seconds")
    default_kind: Optional[PublicGenerationKind] = Field(alias="default_kind")
    default_mode: PublicGenerationMode = Field(alias="default_mode")
    default_model_id: Optional[str] = Field(alias="default_model_id")
    default_resolution: Optional[str] = Field(alias="default_resolution")
    notification_settings: JsonValue = Field(alias="notification_settings")
    ui_settings: JsonValue = Field(alias="ui_settings")
    updated_at: datetime.datetime = Field(alias="updated_at")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicUserPreferencesInsert(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    default_aspect_ratio: NotRequired[Annotated[Optional[str], Field(alias="default_aspect_ratio")]]
    default_duration_seconds: NotRequired[Annotated[Optional[float], Field(alias="default_duration_seconds")]]
    default_kind: NotRequired[Annotated[Optional[PublicGenerationKind], Field(alias="default_kind")]]
    default_mode: NotRequired[Annotated[PublicGenerationMode, Field(alias="default_mode")]]
    default_model_id: NotRequired[Annotated[Optional[str], Field(alias="default_model_id")]]
    default_resolution: NotRequired[Annotated[Optional[str], Field(alias="default_resolution")]]
    notification_settings: NotRequired[Annotated[JsonValue, Field(alias="notification_settings")]]
    ui_settings: NotRequired[Annotated[JsonValue, Field(alias="ui_settings")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: Annotated[uuid.UUID, Field(alias="user_id")]

class PublicUserPreferencesUpdate(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    default_aspect_ratio: NotRequired[Annotated[Optional[str], Field(alias="default_aspect_ratio")]]
    default_duration_seconds: NotRequired[Annotated[Optional[float], Field(alias="default_duration_seconds")]]
    default_kind: NotRequired[Annotated[Optional[PublicGenerationKind], Field(alias="default_kind")]]
    default_mode: NotRequired[Annotated[PublicGenerationMode, Field(alias="default_mode")]]
    default_model_id: NotRequired[Annotated[Optional[str], Field(alias="default_model_id")]]
    default_resolution: NotRequired[Annotated[Optional[str], Field(alias="default_resolution")]]
    notification_settings: NotRequired[Annotated[JsonValue, Field(alias="notification_settings")]]
    ui_settings: NotRequired[Annotated[JsonValue, Field(alias="ui_settings")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicUserPrompts(BaseModel):
    audio_input: Optional[str] = Field(alias="audio_input")
    created_at: datetime.datetime = Field(alias="created_at")
    id: uuid.UUID = Field(alias="id")
    job_id: Optional[uuid.UUID] = Field(alias="job_id")
    mode: PublicGenerationMode = Field(alias="mode")
    prompt: str = Field(alias="prompt")
    reference_asset_id: Optional[uuid.UUID] = Field(alias="reference_asset_id")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicUserPromptsInsert(TypedDict):
    audio_input: NotRequired[Annotated[Optional[str], Field(alias="audio_input")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    job_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="job_id")]]
    mode: NotRequired[Annotated[PublicGenerationMode, Field(alias="mode")]]
    prompt: Annotated[str, Field(alias="prompt")]
    reference_asset_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="reference_asset_id")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicUserPromptsUpdate(TypedDict):
    audio_input: NotRequired[Annotated[Optional[str], Field(alias="audio_input")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    job_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="job_id")]]
    mode: NotRequired[Annotated[PublicGenerationMode, Field(alias="mode")]]
    prompt: NotRequired[Annotated[str, Field(alias="prompt")]]
    reference_asset_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="reference_asset_id")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class WorkerAttempts(BaseModel):
    attempt: int = Field(alias="attempt")
    error_code: Optional[str] = Field(alias="error_code")
    error_message: Optional[str] = Field(alias="error_message")
    finished_at: Optional[datetime.datetime] = Field(alias="finished_at")
    job_id: uuid.UUID = Field(alias="job_id")
    lease: uuid.UUID = Field(alias="lease")
    outcome: str = Field(alias="outcome")
    provider: str = Field(alias="provider")
    provider_job_id: Optional[str] = Field(alias="provider_job_id")
    started_at: datetime.datetime = Field(alias="started_at")
    worker: str = Field(alias="worker")

class WorkerAttemptsInsert(TypedDict):
    attempt: Annotated[int, Field(alias="attempt")]
    error_code: NotRequired[Annotated[Optional[str], Field(alias="error_code")]]
    error_message: NotRequired[Annotated[Optional[str], Field(alias="error_message")]]
    finished_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="finished_at")]]
    job_id: Annotated[uuid.UUID, Field(alias="job_id")]
    lease: Annotated[uuid.UUID, Field(alias="lease")]
    outcome: NotRequired[Annotated[str, Field(alias="outcome")]]
    provider: Annotated[str, Field(alias="provider")]
    provider_job_id: NotRequired[Annotated[Optional[str], Field(alias="provider_job_id")]]
    started_at: NotRequired[Annotated[datetime.datetime, Field(alias="started_at")]]
    worker: Annotated[str, Field(alias="worker")]

class WorkerAttemptsUpdate(TypedDict):
    attempt: NotRequired[Annotated[int, Field(alias="attempt")]]
    error_code: NotRequired[Annotated[Optional[str], Field(alias="error_code")]]
    error_message: NotRequired[Annotated[Optional[str], Field(alias="error_message")]]
    finished_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="finished_at")]]
    job_id: NotRequired[Annotated[uuid.UUID, Field(alias="job_id")]]
    lease: NotRequired[Annotated[uuid.UUID, Field(alias="lease")]]
    outcome: NotRequired[Annotated[str, Field(alias="outcome")]]
    provider: NotRequired[Annotated[str, Field(alias="provider")]]
    provider_job_id: NotRequired[Annotated[Optional[str], Field(alias="provider_job_id")]]
    started_at: NotRequired[Annotated[datetime.datetime, Field(alias="started_at")]]
    worker: NotRequired[Annotated[str, Field(alias="worker")]]

class WorkerTasks(BaseModel):
    available_at: datetime.datetime = Field(alias="available_at")
    created_at: datetime.datetime = Field(alias="created_at")
    job_id: uuid.UUID = Field(alias="job_id")
    kind: PublicGenerationKind = Field(alias="kind")
    lease: Optional[uuid.UUID] = Field(alias="lease")
    priority: int = Field(alias="priority")
    provider: str = Field(alias="provider")
    step: WorkerTaskStep = Field(alias="step")
    user_id: uuid.UUID = Field(alias="user_id")
    worker: Optional[str] = Field(alias="worker")

class WorkerTasksInsert(TypedDict):
    available_at: Annotated[datetime.datetime, Field(alias="available_at")]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    job_id: Annotated[uuid.UUID, Field(alias="job_id")]
    kind: Annotated[PublicGenerationKind, Field(alias="kind")]
    lease: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="lease")]]
    priority: NotRequired[Annotated[int, Field(alias="priority")]]
    provider: Annotated[str, Field(alias="provider")]
    step: NotRequired[Annotated[WorkerTaskStep, Field(alias="step")]]
    user_id: Annotated[uuid.UUID, Field(alias="user_id")]
    worker: NotRequired[Annotated[Optional[str], Field(alias="worker")]]

class WorkerTasksUpdate(TypedDict):
    available_at: NotRequired[Annotated[datetime.datetime, Field(alias="available_at")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    job_id: NotRequired[Annotated[uuid.UUID, Field(alias="job_id")]]
    kind: NotRequired[Annotated[PublicGenerationKind, Field(alias="kind")]]
    lease: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="lease")]]
    priority: NotRequired[Annotated[int, Field(alias="priority")]]
    provider: NotRequired[Annotated[str, Field(alias="provider")]]
    step: NotRequired[Annotated[WorkerTaskStep, Field(alias="step")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]
    worker: NotRequired[Annotated[Optional[str], Field(alias="worker")]]

class PublicCreditStatement(BaseModel):
    amount: float = Field(alias="amount")
    balance_after: float = Field(alias="balance_after")
    created_at: datetime.datetime = Field(alias="created_at")
    description: Optional[str] = Field(alias="description")
    job_id: Optional[uuid.UUID] = Field(alias="job_id")
    model_id: Optional[str] = Field(alias="model_id")
    operation_type: Optional[PublicGenerationKind] = Field(alias="operation_type")
    status: PublicTransactionStatus = Field(alias="status")
    transaction_id: uuid.UUID = Field(alias="transaction_id")
    type: PublicTransactionType = Field(alias="type")
    user_id: uuid.UUID = Field(alias="user_id")
    version: int = Field(alias="version")



class PublicGenerationQuote(BaseModel):
    model_id: Optional[str] = Field(alias="model_id")
    provider: Optional[str] = Field(alias="provider")
    aspect_ratio: Optional[str] = Field(alias="aspect_ratio")
    resolution: Optional[str] = Field(alias="resolution")
    duration_seconds: Optional[float] = Field(alias="duration_seconds")
    unit: Optional[PublicPriceUnit] = Field(alias="unit")
    quantity: Optional[float] = Field(alias="quantity")
    is_edit_call: Optional[bool] = Field(alias="is_edit_call")
    credits: Optional[float] = Field(alias="credits")

class WorkerClaimedTask(BaseModel):
    job_id: Optional[uuid.UUID] = Field(alias="job_id")
    user_id: Optional[uuid.UUID] = Field(alias="user_id")
    step: Optional[WorkerTaskStep] = Field(alias="step")
    attempt: Optional[int] = Field(alias="attempt")
    max_attempts: Optional[int] = Field(alias="max_attempts")
    lease_expires_at: Optional[datetime.datetime] = Field(alias="lease_expires_at")
    provider: Optional[str] = Field(alias="provider")
    provider_model: Optional[str] = Field(alias="provider_model")
    provider_job_id: Optional[str] = Field(alias="provider_job_id")
    previous_outcome: Optional[str] = Field(alias="previous_outcome")
    kind: Optional[PublicGenerationKind] = Field(alias="kind")
    mode: Optional[PublicGenerationMode] = Field(alias="mode")
    model_id: Optional[str] = Field(alias="model_id")
    prompt: Optional[str] = Field(alias="prompt")
    negative_prompt: Optional[str] = Field(alias="negative_prompt")
    audio_instructions: Optional[str] = Field(alias="audio_instructions")
    art_style: Optional[str] = Field(alias="art_style")
    aspect_ratio: Optional[str] = Field(alias="aspect_ratio")
    resolution: Optional[str] = Field(alias="resolution")
    duration_seconds: Optional[float] = Field(alias="duration_seconds")
    output_count: Optional[int] = Field(alias="output_count")
    parameters: Optional[JsonValue] = Field(alias="parameters")
    inputs: Optional[JsonValue] = Field(alias="inputs")
