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

PublicCampaignStatus: TypeAlias = Literal["draft", "active", "completed", "archived"]

PublicConversationType: TypeAlias = Literal["concept_generation", "web_research", "content_summary", "video_segmentation", "image_generation", "video_generation", "voiceover_generation", "character_generation", "general_chat"]

PublicCreditGrantKind: TypeAlias = Literal["allowance", "purchase", "bonus", "refund", "adjustment"]

PublicGenerationKind: TypeAlias = Literal["text_to_image", "text_to_video", "image_to_video", "video_edit", "voiceover", "character", "concept", "web_research", "content_summary", "video_segmentation"]

PublicGenerationMode: TypeAlias = Literal["draft", "fast", "standard", "ultra"]

PublicJobActor: TypeAlias = Literal["user", "service", "system"]

PublicJobStatus: TypeAlias = Literal["pending", "queued", "starting", "processing", "finalizing", "completed", "failed", "cancelled", "expired"]

PublicPaymentMethod: TypeAlias = Literal["card", "promptpay", "truemoney"]

PublicPaymentProvider: TypeAlias = Literal["stripe", "omise", "sandbox"]

PublicPaymentStatus: TypeAlias = Literal["pending", "processing", "succeeded", "failed", "expired", "refunded", "disputed"]

PublicPriceUnit: TypeAlias = Literal["job", "second", "output", "segment", "1k_characters"]

PublicSubscriptionStatus: TypeAlias = Literal["active", "trialing", "past_due", "cancelled", "ended"]

PublicSubscriptionTier: TypeAlias = Literal["free", "starter", "creator", "pro", "business", "enterprise"]

PublicTransactionStatus: TypeAlias = Literal["pending", "completed", "failed", "cancelled", "refunded"]

PublicTransactionType: TypeAlias = Literal["purchase", "deduction", "refund", "bonus", "grant", "expiration", "adjustment", "chargeback"]

StorageBuckettype: TypeAlias = Literal["STANDARD", "ANALYTICS", "VECTOR"]

WorkerCallResult: TypeAlias = Literal["done", "busy", "lease_lost", "refused"]

WorkerErrorClass: TypeAlias = Literal["permanent", "transient", "throttled", "configuration", "unknown"]

WorkerTaskStep: TypeAlias = Literal["submit", "poll", "collect"]

WorkerWebhookStatus: TypeAlias = Literal["received", "processed", "ignored", "failed", "dead"]

class PublicAssets(BaseModel):
    bucket: str = Field(alias="bucket")
    created_at: datetime.datetime = Field(alias="created_at")
    duration_ms: Optional[int] = Field(alias="duration_ms")
    height: Optional[int] = Field(alias="height")
    hidden_at: Optional[datetime.datetime] = Field(alias="hidden_at")
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
    hidden_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="hidden_at")]]
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
    hidden_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="hidden_at")]]
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

class PublicBrandGuidelines(BaseModel):
    brand_name: str = Field(alias="brand_name")
    color_palette: List[str] = Field(alias="color_palette")
    created_at: datetime.datetime = Field(alias="created_at")
    do_list: List[str] = Field(alias="do_list")
    dont_list: List[str] = Field(alias="dont_list")
    fonts: Optional[str] = Field(alias="fonts")
    id: uuid.UUID = Field(alias="id")
    tone_of_voice: List[str] = Field(alias="tone_of_voice")
    updated_at: datetime.datetime = Field(alias="updated_at")
    user_id: uuid.UUID = Field(alias="user_id")
    values: List[str] = Field(alias="values")
    visual_style: Optional[str] = Field(alias="visual_style")

class PublicBrandGuidelinesInsert(TypedDict):
    brand_name: Annotated[str, Field(alias="brand_name")]
    color_palette: NotRequired[Annotated[List[str], Field(alias="color_palette")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    do_list: NotRequired[Annotated[List[str], Field(alias="do_list")]]
    dont_list: NotRequired[Annotated[List[str], Field(alias="dont_list")]]
    fonts: NotRequired[Annotated[Optional[str], Field(alias="fonts")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    tone_of_voice: NotRequired[Annotated[List[str], Field(alias="tone_of_voice")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]
    values: NotRequired[Annotated[List[str], Field(alias="values")]]
    visual_style: NotRequired[Annotated[Optional[str], Field(alias="visual_style")]]

class PublicBrandGuidelinesUpdate(TypedDict):
    brand_name: NotRequired[Annotated[str, Field(alias="brand_name")]]
    color_palette: NotRequired[Annotated[List[str], Field(alias="color_palette")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    do_list: NotRequired[Annotated[List[str], Field(alias="do_list")]]
    dont_list: NotRequired[Annotated[List[str], Field(alias="dont_list")]]
    fonts: NotRequired[Annotated[Optional[str], Field(alias="fonts")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    tone_of_voice: NotRequired[Annotated[List[str], Field(alias="tone_of_voice")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]
    values: NotRequired[Annotated[List[str], Field(alias="values")]]
    visual_style: NotRequired[Annotated[Optional[str], Field(alias="visual_style")]]

class PublicCampaigns(BaseModel):
    brand_guidelines_id: Optional[uuid.UUID] = Field(alias="brand_guidelines_id")
    completed_at: Optional[datetime.datetime] = Field(alias="completed_at")
    completed_videos: int = Field(alias="completed_videos")
    concepts: JsonValue = Field(alias="concepts")
    created_at: datetime.datetime = Field(alias="created_at")
    description: Optional[str] = Field(alias="description")
    id: uuid.UUID = Field(alias="id")
    name: str = Field(alias="name")
    platform: List[str] = Field(alias="platform")
    status: PublicCampaignStatus = Field(alias="status")
    target_audience: Optional[str] = Field(alias="target_audience")
    total_videos: int = Field(alias="total_videos")
    updated_at: datetime.datetime = Field(alias="updated_at")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicCampaignsInsert(TypedDict):
    brand_guidelines_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="brand_guidelines_id")]]
    completed_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="completed_at")]]
    completed_videos: NotRequired[Annotated[int, Field(alias="completed_videos")]]
    concepts: NotRequired[Annotated[JsonValue, Field(alias="concepts")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    description: NotRequired[Annotated[Optional[str], Field(alias="description")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    name: Annotated[str, Field(alias="name")]
    platform: NotRequired[Annotated[List[str], Field(alias="platform")]]
    status: NotRequired[Annotated[PublicCampaignStatus, Field(alias="status")]]
    target_audience: NotRequired[Annotated[Optional[str], Field(alias="target_audience")]]
    total_videos: NotRequired[Annotated[int, Field(alias="total_videos")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicCampaignsUpdate(TypedDict):
    brand_guidelines_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="brand_guidelines_id")]]
    completed_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="completed_at")]]
    completed_videos: NotRequired[Annotated[int, Field(alias="completed_videos")]]
    concepts: NotRequired[Annotated[JsonValue, Field(alias="concepts")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    description: NotRequired[Annotated[Optional[str], Field(alias="description")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    name: NotRequired[Annotated[str, Field(alias="name")]]
    platform: NotRequired[Annotated[List[str], Field(alias="platform")]]
    status: NotRequired[Annotated[PublicCampaignStatus, Field(alias="status")]]
    target_audience: NotRequired[Annotated[Optional[str], Field(alias="target_audience")]]
    total_videos: NotRequired[Annotated[int, Field(alias="total_videos")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicCharacterReferenceImages(BaseModel):
    asset_id: uuid.UUID = Field(alias="asset_id")
    character_id: uuid.UUID = Field(alias="character_id")
    created_at: datetime.datetime = Field(alias="created_at")
    position: int = Field(alias="position")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicCharacterReferenceImagesInsert(TypedDict):
    asset_id: Annotated[uuid.UUID, Field(alias="asset_id")]
    character_id: Annotated[uuid.UUID, Field(alias="character_id")]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    position: Annotated[int, Field(alias="position")]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicCharacterReferenceImagesUpdate(TypedDict):
    asset_id: NotRequired[Annotated[uuid.UUID, Field(alias="asset_id")]]
    character_id: NotRequired[Annotated[uuid.UUID, Field(alias="character_id")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    position: NotRequired[Annotated[int, Field(alias="position")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicCharacters(BaseModel):
    art_style: str = Field(alias="art_style")
    created_at: datetime.datetime = Field(alias="created_at")
    description: Optional[str] = Field(alias="description")
    final_image_id: Optional[uuid.UUID] = Field(alias="final_image_id")
    id: uuid.UUID = Field(alias="id")
    job_id: Optional[uuid.UUID] = Field(alias="job_id")
    message: Optional[str] = Field(alias="message")
    model: Optional[str] = Field(alias="model")
    name: Optional[str] = Field(alias="name")
    project_id: Optional[uuid.UUID] = Field(alias="project_id")
    sprite_sheet_id: Optional[uuid.UUID] = Field(alias="sprite_sheet_id")
    success: bool = Field(alias="success")
    updated_at: datetime.datetime = Field(alias="updated_at")
    user_id: uuid.UUID = Field(alias="user_id")
    visual_prompt: str = Field(alias="visual_prompt")

class PublicCharactersInsert(TypedDict):
    art_style: NotRequired[Annotated[str, Field(alias="art_style")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    description: NotRequired[Annotated[Optional[str], Field(alias="description")]]
    final_image_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="final_image_id")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    job_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="job_id")]]
    message: NotRequired[Annotated[Optional[str], Field(alias="message")]]
    model: NotRequired[Annotated[Optional[str], Field(alias="model")]]
    name: NotRequired[Annotated[Optional[str], Field(alias="name")]]
    project_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="project_id")]]
    sprite_sheet_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="sprite_sheet_id")]]
    success: NotRequired[Annotated[bool, Field(alias="success")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]
    visual_prompt: Annotated[str, Field(alias="visual_prompt")]

class PublicCharactersUpdate(TypedDict):
    art_style: NotRequired[Annotated[str, Field(alias="art_style")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    description: NotRequired[Annotated[Optional[str], Field(alias="description")]]
    final_image_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="final_image_id")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    job_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="job_id")]]
    message: NotRequired[Annotated[Optional[str], Field(alias="message")]]
    model: NotRequired[Annotated[Optional[str], Field(alias="model")]]
    name: NotRequired[Annotated[Optional[str], Field(alias="name")]]
    project_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="project_id")]]
    sprite_sheet_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="sprite_sheet_id")]]
    success: NotRequired[Annotated[bool, Field(alias="success")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]
    visual_prompt: NotRequired[Annotated[str, Field(alias="visual_prompt")]]

class PublicContentSummaries(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    id: uuid.UUID = Field(alias="id")
    job_id: Optional[uuid.UUID] = Field(alias="job_id")
    original_content: str = Field(alias="original_content")
    project_id: Optional[uuid.UUID] = Field(alias="project_id")
    summary: str = Field(alias="summary")
    updated_at: datetime.datetime = Field(alias="updated_at")
    user_id: uuid.UUID = Field(alias="user_id")
    user_input: str = Field(alias="user_input")

class PublicContentSummariesInsert(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    job_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="job_id")]]
    original_content: Annotated[str, Field(alias="original_content")]
    project_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="project_id")]]
    summary: Annotated[str, Field(alias="summary")]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]
    user_input: NotRequired[Annotated[str, Field(alias="user_input")]]

class PublicContentSummariesUpdate(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    job_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="job_id")]]
    original_content: NotRequired[Annotated[str, Field(alias="original_content")]]
    project_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="project_id")]]
    summary: NotRequired[Annotated[str, Field(alias="summary")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]
    user_input: NotRequired[Annotated[str, Field(alias="user_input")]]

class PublicConversations(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    id: uuid.UUID = Field(alias="id")
    metadata: JsonValue = Field(alias="metadata")
    project_id: Optional[uuid.UUID] = Field(alias="project_id")
    response: str = Field(alias="response")
    type: PublicConversationType = Field(alias="type")
    user_id: uuid.UUID = Field(alias="user_id")
    user_input: str = Field(alias="user_input")

class PublicConversationsInsert(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    metadata: NotRequired[Annotated[JsonValue, Field(alias="metadata")]]
    project_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="project_id")]]
    response: Annotated[str, Field(alias="response")]
    type: Annotated[PublicConversationType, Field(alias="type")]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]
    user_input: Annotated[str, Field(alias="user_input")]

class PublicConversationsUpdate(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    metadata: NotRequired[Annotated[JsonValue, Field(alias="metadata")]]
    project_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="project_id")]]
    response: NotRequired[Annotated[str, Field(alias="response")]]
    type: NotRequired[Annotated[PublicConversationType, Field(alias="type")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]
    user_input: NotRequired[Annotated[str, Field(alias="user_input")]]

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
    realtime_id: uuid.UUID = Field(alias="realtime_id")
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
    realtime_id: NotRequired[Annotated[uuid.UUID, Field(alias="realtime_id")]]
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
    realtime_id: NotRequired[Annotated[uuid.UUID, Field(alias="realtime_id")]]
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
    is_spent: bool = Field(alias="is_spent")
    kind: PublicCreditGrantKind = Field(alias="kind")
    priority: int = Field(alias="priority")
    remaining: float = Field(alias="remaining")
    replaces_id: Optional[uuid.UUID] = Field(alias="replaces_id")
    source_key: str = Field(alias="source_key")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicCreditGrantsInsert(TypedDict):
    amount: Annotated[float, Field(alias="amount")]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    expires_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="expires_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_spent: NotRequired[Annotated[bool, Field(alias="is_spent")]]
    kind: Annotated[PublicCreditGrantKind, Field(alias="kind")]
    priority: NotRequired[Annotated[int, Field(alias="priority")]]
    remaining: Annotated[float, Field(alias="remaining")]
    replaces_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="replaces_id")]]
    source_key: Annotated[str, Field(alias="source_key")]
    user_id: Annotated[uuid.UUID, Field(alias="user_id")]

class PublicCreditGrantsUpdate(TypedDict):
    amount: NotRequired[Annotated[float, Field(alias="amount")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    expires_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="expires_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_spent: NotRequired[Annotated[bool, Field(alias="is_spent")]]
    kind: NotRequired[Annotated[PublicCreditGrantKind, Field(alias="kind")]]
    priority: NotRequired[Annotated[int, Field(alias="priority")]]
    remaining: NotRequired[Annotated[float, Field(alias="remaining")]]
    replaces_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="replaces_id")]]
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
    payment_id: Optional[uuid.UUID] = Field(alias="payment_id")
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
    payment_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="payment_id")]]
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
    payment_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="payment_id")]]
    processed_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="processed_at")]]
    reverses_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="reverses_id")]]
    status: NotRequired[Annotated[PublicTransactionStatus, Field(alias="status")]]
    type: NotRequired[Annotated[PublicTransactionType, Field(alias="type")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]
    version: NotRequired[Annotated[int, Field(alias="version")]]

class PublicFeedback(BaseModel):
    comment: Optional[str] = Field(alias="comment")
    created_at: datetime.datetime = Field(alias="created_at")
    id: uuid.UUID = Field(alias="id")
    job_id: uuid.UUID = Field(alias="job_id")
    rating: int = Field(alias="rating")
    updated_at: datetime.datetime = Field(alias="updated_at")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicFeedbackInsert(TypedDict):
    comment: NotRequired[Annotated[Optional[str], Field(alias="comment")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    job_id: Annotated[uuid.UUID, Field(alias="job_id")]
    rating: Annotated[int, Field(alias="rating")]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicFeedbackUpdate(TypedDict):
    comment: NotRequired[Annotated[Optional[str], Field(alias="comment")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    job_id: NotRequired[Annotated[uuid.UUID, Field(alias="job_id")]]
    rating: NotRequired[Annotated[int, Field(alias="rating")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicGenerationJobs(BaseModel):
    art_style: Optional[str] = Field(alias="art_style")
    aspect_ratio: Optional[str] = Field(alias="aspect_ratio")
    attempt_count: int = Field(alias="attempt_count")
    audio_instructions: Optional[str] = Field(alias="audio_instructions")
    campaign_id: Optional[uuid.UUID] = Field(alias="campaign_id")
    created_at: datetime.datetime = Field(alias="created_at")
    credit_cost: float = Field(alias="credit_cost")
    credit_transaction_id: Optional[uuid.UUID] = Field(alias="credit_transaction_id")
    duration_seconds: Optional[float] = Field(alias="duration_seconds")
    error_code: Optional[str] = Field(alias="error_code")
    error_message: Optional[str] = Field(alias="error_message")
    finished_at: Optional[datetime.datetime] = Field(alias="finished_at")
    has_lost_inputs: bool = Field(alias="has_lost_inputs")
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
    purged_at: Optional[datetime.datetime] = Field(alias="purged_at")
    queued_at: Optional[datetime.datetime] = Field(alias="queued_at")
    resolution: Optional[str] = Field(alias="resolution")
    started_at: Optional[datetime.datetime] = Field(alias="started_at")
    status: PublicJobStatus = Field(alias="status")
    storyboard_id: Optional[uuid.UUID] = Field(alias="storyboard_id")
    updated_at: datetime.datetime = Field(alias="updated_at")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicGenerationJobsInsert(TypedDict):
    art_style: NotRequired[Annotated[Optional[str], Field(alias="art_style")]]
    aspect_ratio: NotRequired[Annotated[Optional[str], Field(alias="aspect_ratio")]]
    attempt_count: NotRequired[Annotated[int, Field(alias="attempt_count")]]
    audio_instructions: NotRequired[Annotated[Optional[str], Field(alias="audio_instructions")]]
    campaign_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="campaign_id")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    credit_cost: Annotated[float, Field(alias="credit_cost")]
    credit_transaction_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="credit_transaction_id")]]
    duration_seconds: NotRequired[Annotated[Optional[float], Field(alias="duration_seconds")]]
    error_code: NotRequired[Annotated[Optional[str], Field(alias="error_code")]]
    error_message: NotRequired[Annotated[Optional[str], Field(alias="error_message")]]
    finished_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="finished_at")]]
    has_lost_inputs: NotRequired[Annotated[bool, Field(alias="has_lost_inputs")]]
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
    purged_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="purged_at")]]
    queued_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="queued_at")]]
    resolution: NotRequired[Annotated[Optional[str], Field(alias="resolution")]]
    started_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="started_at")]]
    status: NotRequired[Annotated[PublicJobStatus, Field(alias="status")]]
    storyboard_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="storyboard_id")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicGenerationJobsUpdate(TypedDict):
    art_style: NotRequired[Annotated[Optional[str], Field(alias="art_style")]]
    aspect_ratio: NotRequired[Annotated[Optional[str], Field(alias="aspect_ratio")]]
    attempt_count: NotRequired[Annotated[int, Field(alias="attempt_count")]]
    audio_instructions: NotRequired[Annotated[Optional[str], Field(alias="audio_instructions")]]
    campaign_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="campaign_id")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    credit_cost: NotRequired[Annotated[float, Field(alias="credit_cost")]]
    credit_transaction_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="credit_transaction_id")]]
    duration_seconds: NotRequired[Annotated[Optional[float], Field(alias="duration_seconds")]]
    error_code: NotRequired[Annotated[Optional[str], Field(alias="error_code")]]
    error_message: NotRequired[Annotated[Optional[str], Field(alias="error_message")]]
    finished_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="finished_at")]]
    has_lost_inputs: NotRequired[Annotated[bool, Field(alias="has_lost_inputs")]]
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
    purged_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="purged_at")]]
    queued_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="queued_at")]]
    resolution: NotRequired[Annotated[Optional[str], Field(alias="resolution")]]
    started_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="started_at")]]
    status: NotRequired[Annotated[PublicJobStatus, Field(alias="status")]]
    storyboard_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="storyboard_id")]]
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

class PublicJobDependencies(BaseModel):
    depends_on_job_id: uuid.UUID = Field(alias="depends_on_job_id")
    job_id: uuid.UUID = Field(alias="job_id")
    position: int = Field(alias="position")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicJobDependenciesInsert(TypedDict):
    depends_on_job_id: Annotated[uuid.UUID, Field(alias="depends_on_job_id")]
    job_id: Annotated[uuid.UUID, Field(alias="job_id")]
    position: NotRequired[Annotated[int, Field(alias="position")]]
    user_id: Annotated[uuid.UUID, Field(alias="user_id")]

class PublicJobDependenciesUpdate(TypedDict):
    depends_on_job_id: NotRequired[Annotated[uuid.UUID, Field(alias="depends_on_job_id")]]
    job_id: NotRequired[Annotated[uuid.UUID, Field(alias="job_id")]]
    position: NotRequired[Annotated[int, Field(alias="position")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicJobEvents(BaseModel):
    actor: PublicJobActor = Field(alias="actor")
    created_at: datetime.datetime = Field(alias="created_at")
    from_status: Optional[PublicJobStatus] = Field(alias="from_status")
    id: int = Field(alias="id")
    job_id: uuid.UUID = Field(alias="job_id")
    note: Optional[str] = Field(alias="note")
    to_status: PublicJobStatus = Field(alias="to_status")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicJobEventsInsert(TypedDict):
    actor: Annotated[PublicJobActor, Field(alias="actor")]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    from_status: NotRequired[Annotated[Optional[PublicJobStatus], Field(alias="from_status")]]
    id: NotRequired[Annotated[int, Field(alias="id")]]
    job_id: Annotated[uuid.UUID, Field(alias="job_id")]
    note: NotRequired[Annotated[Optional[str], Field(alias="note")]]
    to_status: Annotated[PublicJobStatus, Field(alias="to_status")]
    user_id: Annotated[uuid.UUID, Field(alias="user_id")]

class PublicJobEventsUpdate(TypedDict):
    actor: NotRequired[Annotated[PublicJobActor, Field(alias="actor")]]
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
    allowed_seconds: List[float] = Field(alias="allowed_seconds")
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
    parameters: Optional[JsonValue] = Field(alias="parameters")
    provider: str = Field(alias="provider")
    provider_model: str = Field(alias="provider_model")
    required_inputs: JsonValue = Field(alias="required_inputs")
    resolutions: List[str] = Field(alias="resolutions")
    sort_order: int = Field(alias="sort_order")
    updated_at: datetime.datetime = Field(alias="updated_at")
    version: str = Field(alias="version")

class PublicModelsInsert(TypedDict):
    allowed_seconds: NotRequired[Annotated[List[float], Field(alias="allowed_seconds")]]
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
    parameters: NotRequired[Annotated[Optional[JsonValue], Field(alias="parameters")]]
    provider: Annotated[str, Field(alias="provider")]
    provider_model: Annotated[str, Field(alias="provider_model")]
    required_inputs: NotRequired[Annotated[JsonValue, Field(alias="required_inputs")]]
    resolutions: NotRequired[Annotated[List[str], Field(alias="resolutions")]]
    sort_order: NotRequired[Annotated[int, Field(alias="sort_order")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    version: NotRequired[Annotated[str, Field(alias="version")]]

class PublicModelsUpdate(TypedDict):
    allowed_seconds: NotRequired[Annotated[List[float], Field(alias="allowed_seconds")]]
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
    parameters: NotRequired[Annotated[Optional[JsonValue], Field(alias="parameters")]]
    provider: NotRequired[Annotated[str, Field(alias="provider")]]
    provider_model: NotRequired[Annotated[str, Field(alias="provider_model")]]
    required_inputs: NotRequired[Annotated[JsonValue, Field(alias="required_inputs")]]
    resolutions: NotRequired[Annotated[List[str], Field(alias="resolutions")]]
    sort_order: NotRequired[Annotated[int, Field(alias="sort_order")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    version: NotRequired[Annotated[str, Field(alias="version")]]

class PublicPayments(BaseModel):
    amount_minor: int = Field(alias="amount_minor")
    charged_back_minor: int = Field(alias="charged_back_minor")
    created_at: datetime.datetime = Field(alias="created_at")
    credits: float = Field(alias="credits")
    credits_owed: float = Field(alias="credits_owed")
    currency: str = Field(alias="currency")
    expires_at: Optional[datetime.datetime] = Field(alias="expires_at")
    failure_reason: Optional[str] = Field(alias="failure_reason")
    id: uuid.UUID = Field(alias="id")
    idempotency_key: Optional[str] = Field(alias="idempotency_key")
    method: Optional[PublicPaymentMethod] = Field(alias="method")
    package_id: Optional[uuid.UUID] = Field(alias="package_id")
    provider: PublicPaymentProvider = Field(alias="provider")
    provider_reference: Optional[str] = Field(alias="provider_reference")
    receipt_url: Optional[str] = Field(alias="receipt_url")
    refunded_minor: int = Field(alias="refunded_minor")
    status: PublicPaymentStatus = Field(alias="status")
    subscription_id: Optional[uuid.UUID] = Field(alias="subscription_id")
    succeeded_at: Optional[datetime.datetime] = Field(alias="succeeded_at")
    tier: Optional[PublicSubscriptionTier] = Field(alias="tier")
    transaction_id: Optional[uuid.UUID] = Field(alias="transaction_id")
    updated_at: datetime.datetime = Field(alias="updated_at")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicPaymentsInsert(TypedDict):
    amount_minor: Annotated[int, Field(alias="amount_minor")]
    charged_back_minor: NotRequired[Annotated[int, Field(alias="charged_back_minor")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    credits: Annotated[float, Field(alias="credits")]
    credits_owed: NotRequired[Annotated[float, Field(alias="credits_owed")]]
    currency: Annotated[str, Field(alias="currency")]
    expires_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="expires_at")]]
    failure_reason: NotRequired[Annotated[Optional[str], Field(alias="failure_reason")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    idempotency_key: NotRequired[Annotated[Optional[str], Field(alias="idempotency_key")]]
    method: NotRequired[Annotated[Optional[PublicPaymentMethod], Field(alias="method")]]
    package_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="package_id")]]
    provider: Annotated[PublicPaymentProvider, Field(alias="provider")]
    provider_reference: NotRequired[Annotated[Optional[str], Field(alias="provider_reference")]]
    receipt_url: NotRequired[Annotated[Optional[str], Field(alias="receipt_url")]]
    refunded_minor: NotRequired[Annotated[int, Field(alias="refunded_minor")]]
    status: NotRequired[Annotated[PublicPaymentStatus, Field(alias="status")]]
    subscription_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="subscription_id")]]
    succeeded_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="succeeded_at")]]
    tier: NotRequired[Annotated[Optional[PublicSubscriptionTier], Field(alias="tier")]]
    transaction_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="transaction_id")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: Annotated[uuid.UUID, Field(alias="user_id")]

class PublicPaymentsUpdate(TypedDict):
    amount_minor: NotRequired[Annotated[int, Field(alias="amount_minor")]]
    charged_back_minor: NotRequired[Annotated[int, Field(alias="charged_back_minor")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    credits: NotRequired[Annotated[float, Field(alias="credits")]]
    credits_owed: NotRequired[Annotated[float, Field(alias="credits_owed")]]
    currency: NotRequired[Annotated[str, Field(alias="currency")]]
    expires_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="expires_at")]]
    failure_reason: NotRequired[Annotated[Optional[str], Field(alias="failure_reason")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    idempotency_key: NotRequired[Annotated[Optional[str], Field(alias="idempotency_key")]]
    method: NotRequired[Annotated[Optional[PublicPaymentMethod], Field(alias="method")]]
    package_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="package_id")]]
    provider: NotRequired[Annotated[PublicPaymentProvider, Field(alias="provider")]]
    provider_reference: NotRequired[Annotated[Optional[str], Field(alias="provider_reference")]]
    receipt_url: NotRequired[Annotated[Optional[str], Field(alias="receipt_url")]]
    refunded_minor: NotRequired[Annotated[int, Field(alias="refunded_minor")]]
    status: NotRequired[Annotated[PublicPaymentStatus, Field(alias="status")]]
    subscription_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="subscription_id")]]
    succeeded_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="succeeded_at")]]
    tier: NotRequired[Annotated[Optional[PublicSubscriptionTier], Field(alias="tier")]]
    transaction_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="transaction_id")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicPerformanceMetrics(BaseModel):
    actual_engagement: JsonValue = Field(alias="actual_engagement")
    brand_compliance: Optional[float] = Field(alias="brand_compliance")
    character_id: Optional[uuid.UUID] = Field(alias="character_id")
    created_at: datetime.datetime = Field(alias="created_at")
    id: uuid.UUID = Field(alias="id")
    improvements: JsonValue = Field(alias="improvements")
    job_id: Optional[uuid.UUID] = Field(alias="job_id")
    platform: Optional[str] = Field(alias="platform")
    predicted_score: Optional[float] = Field(alias="predicted_score")
    prompt: Optional[str] = Field(alias="prompt")
    quality_score: Optional[float] = Field(alias="quality_score")
    style_consistency: Optional[float] = Field(alias="style_consistency")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicPerformanceMetricsInsert(TypedDict):
    actual_engagement: NotRequired[Annotated[JsonValue, Field(alias="actual_engagement")]]
    brand_compliance: NotRequired[Annotated[Optional[float], Field(alias="brand_compliance")]]
    character_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="character_id")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    improvements: NotRequired[Annotated[JsonValue, Field(alias="improvements")]]
    job_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="job_id")]]
    platform: NotRequired[Annotated[Optional[str], Field(alias="platform")]]
    predicted_score: NotRequired[Annotated[Optional[float], Field(alias="predicted_score")]]
    prompt: NotRequired[Annotated[Optional[str], Field(alias="prompt")]]
    quality_score: NotRequired[Annotated[Optional[float], Field(alias="quality_score")]]
    style_consistency: NotRequired[Annotated[Optional[float], Field(alias="style_consistency")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicPerformanceMetricsUpdate(TypedDict):
    actual_engagement: NotRequired[Annotated[JsonValue, Field(alias="actual_engagement")]]
    brand_compliance: NotRequired[Annotated[Optional[float], Field(alias="brand_compliance")]]
    character_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="character_id")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    improvements: NotRequired[Annotated[JsonValue, Field(alias="improvements")]]
    job_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="job_id")]]
    platform: NotRequired[Annotated[Optional[str], Field(alias="platform")]]
    predicted_score: NotRequired[Annotated[Optional[float], Field(alias="predicted_score")]]
    prompt: NotRequired[Annotated[Optional[str], Field(alias="prompt")]]
    quality_score: NotRequired[Annotated[Optional[float], Field(alias="quality_score")]]
    style_consistency: NotRequired[Annotated[Optional[float], Field(alias="style_consistency")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicPlatformConfigurations(BaseModel):
    aspect_ratio: Optional[str] = Field(alias="aspect_ratio")
    character_preferences: JsonValue = Field(alias="character_preferences")
    created_at: datetime.datetime = Field(alias="created_at")
    id: uuid.UUID = Field(alias="id")
    platform: str = Field(alias="platform")
    preferred_style: JsonValue = Field(alias="preferred_style")
    prompt_templates: JsonValue = Field(alias="prompt_templates")
    updated_at: datetime.datetime = Field(alias="updated_at")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicPlatformConfigurationsInsert(TypedDict):
    aspect_ratio: NotRequired[Annotated[Optional[str], Field(alias="aspect_ratio")]]
    character_preferences: NotRequired[Annotated[JsonValue, Field(alias="character_preferences")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    platform: Annotated[str, Field(alias="platform")]
    preferred_style: NotRequired[Annotated[JsonValue, Field(alias="preferred_style")]]
    prompt_templates: NotRequired[Annotated[JsonValue, Field(alias="prompt_templates")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicPlatformConfigurationsUpdate(TypedDict):
    aspect_ratio: NotRequired[Annotated[Optional[str], Field(alias="aspect_ratio")]]
    character_preferences: NotRequired[Annotated[JsonValue, Field(alias="character_preferences")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    platform: NotRequired[Annotated[str, Field(alias="platform")]]
    preferred_style: NotRequired[Annotated[JsonValue, Field(alias="preferred_style")]]
    prompt_templates: NotRequired[Annotated[JsonValue, Field(alias="prompt_templates")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

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
    show_prompts: bool = Field(alias="show_prompts")
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
    show_prompts: NotRequired[Annotated[bool, Field(alias="show_prompts")]]
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
    show_prompts: NotRequired[Annotated[bool, Field(alias="show_prompts")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicPromptTemplates(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    description: Optional[str] = Field(alias="description")
    id: uuid.UUID = Field(alias="id")
    is_active: bool = Field(alias="is_active")
    is_favorite: bool = Field(alias="is_favorite")
    kind: Optional[PublicGenerationKind] = Field(alias="kind")
    mode: Optional[PublicGenerationMode] = Field(alias="mode")
    name: str = Field(alias="name")
    prompt: str = Field(alias="prompt")
    sort_order: int = Field(alias="sort_order")
    tags: List[str] = Field(alias="tags")
    updated_at: datetime.datetime = Field(alias="updated_at")
    user_id: Optional[uuid.UUID] = Field(alias="user_id")

class PublicPromptTemplatesInsert(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    description: NotRequired[Annotated[Optional[str], Field(alias="description")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_active: NotRequired[Annotated[bool, Field(alias="is_active")]]
    is_favorite: NotRequired[Annotated[bool, Field(alias="is_favorite")]]
    kind: NotRequired[Annotated[Optional[PublicGenerationKind], Field(alias="kind")]]
    mode: NotRequired[Annotated[Optional[PublicGenerationMode], Field(alias="mode")]]
    name: Annotated[str, Field(alias="name")]
    prompt: Annotated[str, Field(alias="prompt")]
    sort_order: NotRequired[Annotated[int, Field(alias="sort_order")]]
    tags: NotRequired[Annotated[List[str], Field(alias="tags")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="user_id")]]

class PublicPromptTemplatesUpdate(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    description: NotRequired[Annotated[Optional[str], Field(alias="description")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_active: NotRequired[Annotated[bool, Field(alias="is_active")]]
    is_favorite: NotRequired[Annotated[bool, Field(alias="is_favorite")]]
    kind: NotRequired[Annotated[Optional[PublicGenerationKind], Field(alias="kind")]]
    mode: NotRequired[Annotated[Optional[PublicGenerationMode], Field(alias="mode")]]
    name: NotRequired[Annotated[str, Field(alias="name")]]
    prompt: NotRequired[Annotated[str, Field(alias="prompt")]]
    sort_order: NotRequired[Annotated[int, Field(alias="sort_order")]]
    tags: NotRequired[Annotated[List[str], Field(alias="tags")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="user_id")]]

class PublicStoryboardSequences(BaseModel):
    campaign_id: Optional[uuid.UUID] = Field(alias="campaign_id")
    character_id: Optional[uuid.UUID] = Field(alias="character_id")
    created_at: datetime.datetime = Field(alias="created_at")
    frames: JsonValue = Field(alias="frames")
    id: uuid.UUID = Field(alias="id")
    name: str = Field(alias="name")
    total_duration: float = Field(alias="total_duration")
    updated_at: datetime.datetime = Field(alias="updated_at")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicStoryboardSequencesInsert(TypedDict):
    campaign_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="campaign_id")]]
    character_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="character_id")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    frames: NotRequired[Annotated[JsonValue, Field(alias="frames")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    name: Annotated[str, Field(alias="name")]
    total_duration: NotRequired[Annotated[float, Field(alias="total_duration")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicStoryboardSequencesUpdate(TypedDict):
    campaign_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="campaign_id")]]
    character_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="character_id")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    frames: NotRequired[Annotated[JsonValue, Field(alias="frames")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    name: NotRequired[Annotated[str, Field(alias="name")]]
    total_duration: NotRequired[Annotated[float, Field(alias="total_duration")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicStylePresets(BaseModel):
    character_id: Optional[uuid.UUID] = Field(alias="character_id")
    created_at: datetime.datetime = Field(alias="created_at")
    id: uuid.UUID = Field(alias="id")
    is_favorite: bool = Field(alias="is_favorite")
    name: str = Field(alias="name")
    style_data: JsonValue = Field(alias="style_data")
    tags: List[str] = Field(alias="tags")
    thumbnail_url: Optional[str] = Field(alias="thumbnail_url")
    updated_at: datetime.datetime = Field(alias="updated_at")
    usage_count: int = Field(alias="usage_count")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicStylePresetsInsert(TypedDict):
    character_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="character_id")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_favorite: NotRequired[Annotated[bool, Field(alias="is_favorite")]]
    name: Annotated[str, Field(alias="name")]
    style_data: NotRequired[Annotated[JsonValue, Field(alias="style_data")]]
    tags: NotRequired[Annotated[List[str], Field(alias="tags")]]
    thumbnail_url: NotRequired[Annotated[Optional[str], Field(alias="thumbnail_url")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    usage_count: NotRequired[Annotated[int, Field(alias="usage_count")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicStylePresetsUpdate(TypedDict):
    character_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="character_id")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_favorite: NotRequired[Annotated[bool, Field(alias="is_favorite")]]
    name: NotRequired[Annotated[str, Field(alias="name")]]
    style_data: NotRequired[Annotated[JsonValue, Field(alias="style_data")]]
    tags: NotRequired[Annotated[List[str], Field(alias="tags")]]
    thumbnail_url: NotRequired[Annotated[Optional[str], Field(alias="thumbnail_url")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    usage_count: NotRequired[Annotated[int, Field(alias="usage_count")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicSubscriptionPlans(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    currency: str = Field(alias="currency")
    description: Optional[str] = Field(alias="description")
    is_active: bool = Field(alias="is_active")
    job_priority: int = Field(alias="job_priority")
    max_active_jobs: int = Field(alias="max_active_jobs")
    max_jobs_per_day: Optional[int] = Field(alias="max_jobs_per_day")
    max_rows: int = Field(alias="max_rows")
    max_running_jobs: int = Field(alias="max_running_jobs")
    max_storage_bytes: int = Field(alias="max_storage_bytes")
    monthly_allowance: float = Field(alias="monthly_allowance")
    name: str = Field(alias="name")
    price_minor: int = Field(alias="price_minor")
    rollover_periods: int = Field(alias="rollover_periods")
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
    max_jobs_per_day: NotRequired[Annotated[Optional[int], Field(alias="max_jobs_per_day")]]
    max_rows: Annotated[int, Field(alias="max_rows")]
    max_running_jobs: Annotated[int, Field(alias="max_running_jobs")]
    max_storage_bytes: Annotated[int, Field(alias="max_storage_bytes")]
    monthly_allowance: Annotated[float, Field(alias="monthly_allowance")]
    name: Annotated[str, Field(alias="name")]
    price_minor: Annotated[int, Field(alias="price_minor")]
    rollover_periods: NotRequired[Annotated[int, Field(alias="rollover_periods")]]
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
    max_jobs_per_day: NotRequired[Annotated[Optional[int], Field(alias="max_jobs_per_day")]]
    max_rows: NotRequired[Annotated[int, Field(alias="max_rows")]]
    max_running_jobs: NotRequired[Annotated[int, Field(alias="max_running_jobs")]]
    max_storage_bytes: NotRequired[Annotated[int, Field(alias="max_storage_bytes")]]
    monthly_allowance: NotRequired[Annotated[float, Field(alias="monthly_allowance")]]
    name: NotRequired[Annotated[str, Field(alias="name")]]
    price_minor: NotRequired[Annotated[int, Field(alias="price_minor")]]
    rollover_periods: NotRequired[Annotated[int, Field(alias="rollover_periods")]]
    sort_order: NotRequired[Annotated[int, Field(alias="sort_order")]]
    tier: NotRequired[Annotated[PublicSubscriptionTier, Field(alias="tier")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]

class PublicSubscriptions(BaseModel):
    cancel_at_period_end: bool = Field(alias="cancel_at_period_end")
    cancelled_at: Optional[datetime.datetime] = Field(alias="cancelled_at")
    created_at: datetime.datetime = Field(alias="created_at")
    current_period_ends_at: datetime.datetime = Field(alias="current_period_ends_at")
    current_period_started_at: datetime.datetime = Field(alias="current_period_started_at")
    ended_at: Optional[datetime.datetime] = Field(alias="ended_at")
    follow_at: Optional[datetime.datetime] = Field(alias="follow_at")
    id: uuid.UUID = Field(alias="id")
    is_final: bool = Field(alias="is_final")
    provider: Optional[PublicPaymentProvider] = Field(alias="provider")
    provider_reference: Optional[str] = Field(alias="provider_reference")
    status: PublicSubscriptionStatus = Field(alias="status")
    tier: PublicSubscriptionTier = Field(alias="tier")
    updated_at: datetime.datetime = Field(alias="updated_at")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicSubscriptionsInsert(TypedDict):
    cancel_at_period_end: NotRequired[Annotated[bool, Field(alias="cancel_at_period_end")]]
    cancelled_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="cancelled_at")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    current_period_ends_at: Annotated[datetime.datetime, Field(alias="current_period_ends_at")]
    current_period_started_at: Annotated[datetime.datetime, Field(alias="current_period_started_at")]
    ended_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="ended_at")]]
    follow_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="follow_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_final: NotRequired[Annotated[bool, Field(alias="is_final")]]
    provider: NotRequired[Annotated[Optional[PublicPaymentProvider], Field(alias="provider")]]
    provider_reference: NotRequired[Annotated[Optional[str], Field(alias="provider_reference")]]
    status: NotRequired[Annotated[PublicSubscriptionStatus, Field(alias="status")]]
    tier: Annotated[PublicSubscriptionTier, Field(alias="tier")]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: Annotated[uuid.UUID, Field(alias="user_id")]

class PublicSubscriptionsUpdate(TypedDict):
    cancel_at_period_end: NotRequired[Annotated[bool, Field(alias="cancel_at_period_end")]]
    cancelled_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="cancelled_at")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    current_period_ends_at: NotRequired[Annotated[datetime.datetime, Field(alias="current_period_ends_at")]]
    current_period_started_at: NotRequired[Annotated[datetime.datetime, Field(alias="current_period_started_at")]]
    ended_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="ended_at")]]
    follow_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="follow_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_final: NotRequired[Annotated[bool, Field(alias="is_final")]]
    provider: NotRequired[Annotated[Optional[PublicPaymentProvider], Field(alias="provider")]]
    provider_reference: NotRequired[Annotated[Optional[str], Field(alias="provider_reference")]]
    status: NotRequired[Annotated[PublicSubscriptionStatus, Field(alias="status")]]
    tier: NotRequired[Annotated[PublicSubscriptionTier, Field(alias="tier")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicToolConfigurations(BaseModel):
    character_id: Optional[uuid.UUID] = Field(alias="character_id")
    configuration: JsonValue = Field(alias="configuration")
    created_at: datetime.datetime = Field(alias="created_at")
    id: uuid.UUID = Field(alias="id")
    is_favorite: bool = Field(alias="is_favorite")
    tool_name: str = Field(alias="tool_name")
    updated_at: datetime.datetime = Field(alias="updated_at")
    usage_count: int = Field(alias="usage_count")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicToolConfigurationsInsert(TypedDict):
    character_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="character_id")]]
    configuration: NotRequired[Annotated[JsonValue, Field(alias="configuration")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_favorite: NotRequired[Annotated[bool, Field(alias="is_favorite")]]
    tool_name: Annotated[str, Field(alias="tool_name")]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    usage_count: NotRequired[Annotated[int, Field(alias="usage_count")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicToolConfigurationsUpdate(TypedDict):
    character_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="character_id")]]
    configuration: NotRequired[Annotated[JsonValue, Field(alias="configuration")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_favorite: NotRequired[Annotated[bool, Field(alias="is_favorite")]]
    tool_name: NotRequired[Annotated[str, Field(alias="tool_name")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    usage_count: NotRequired[Annotated[int, Field(alias="usage_count")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicToolPresetChains(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    description: Optional[str] = Field(alias="description")
    id: uuid.UUID = Field(alias="id")
    is_favorite: bool = Field(alias="is_favorite")
    name: str = Field(alias="name")
    tools: JsonValue = Field(alias="tools")
    updated_at: datetime.datetime = Field(alias="updated_at")
    usage_count: int = Field(alias="usage_count")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicToolPresetChainsInsert(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    description: NotRequired[Annotated[Optional[str], Field(alias="description")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_favorite: NotRequired[Annotated[bool, Field(alias="is_favorite")]]
    name: Annotated[str, Field(alias="name")]
    tools: NotRequired[Annotated[JsonValue, Field(alias="tools")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    usage_count: NotRequired[Annotated[int, Field(alias="usage_count")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicToolPresetChainsUpdate(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    description: NotRequired[Annotated[Optional[str], Field(alias="description")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_favorite: NotRequired[Annotated[bool, Field(alias="is_favorite")]]
    name: NotRequired[Annotated[str, Field(alias="name")]]
    tools: NotRequired[Annotated[JsonValue, Field(alias="tools")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    usage_count: NotRequired[Annotated[int, Field(alias="usage_count")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicUserActivityLogs(BaseModel):
    action: str = Field(alias="action")
    by_server: bool = Field(alias="by_server")
    created_at: datetime.datetime = Field(alias="created_at")
    details: JsonValue = Field(alias="details")
    id: uuid.UUID = Field(alias="id")
    ip_address: Optional[PgCatalogInet] = Field(alias="ip_address")
    user_agent: Optional[str] = Field(alias="user_agent")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicUserActivityLogsInsert(TypedDict):
    action: Annotated[str, Field(alias="action")]
    by_server: Annotated[bool, Field(alias="by_server")]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    details: NotRequired[Annotated[JsonValue, Field(alias="details")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    ip_address: NotRequired[Annotated[Optional[PgCatalogInet], Field(alias="ip_address")]]
    user_agent: NotRequired[Annotated[Optional[str], Field(alias="user_agent")]]
    user_id: Annotated[uuid.UUID, Field(alias="user_id")]

class PublicUserActivityLogsUpdate(TypedDict):
    action: NotRequired[Annotated[str, Field(alias="action")]]
    by_server: NotRequired[Annotated[bool, Field(alias="by_server")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    details: NotRequired[Annotated[JsonValue, Field(alias="details")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    ip_address: NotRequired[Annotated[Optional[PgCatalogInet], Field(alias="ip_address")]]
    user_agent: NotRequired[Annotated[Optional[str], Field(alias="user_agent")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

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

class PublicVideoConcepts(BaseModel):
    concept: str = Field(alias="concept")
    created_at: datetime.datetime = Field(alias="created_at")
    goal: str = Field(alias="goal")
    id: uuid.UUID = Field(alias="id")
    job_id: Optional[uuid.UUID] = Field(alias="job_id")
    project_id: Optional[uuid.UUID] = Field(alias="project_id")
    prompt: str = Field(alias="prompt")
    title: str = Field(alias="title")
    tone: str = Field(alias="tone")
    updated_at: datetime.datetime = Field(alias="updated_at")
    user_id: uuid.UUID = Field(alias="user_id")
    web_info: str = Field(alias="web_info")

class PublicVideoConceptsInsert(TypedDict):
    concept: Annotated[str, Field(alias="concept")]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    goal: NotRequired[Annotated[str, Field(alias="goal")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    job_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="job_id")]]
    project_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="project_id")]]
    prompt: Annotated[str, Field(alias="prompt")]
    title: Annotated[str, Field(alias="title")]
    tone: NotRequired[Annotated[str, Field(alias="tone")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]
    web_info: NotRequired[Annotated[str, Field(alias="web_info")]]

class PublicVideoConceptsUpdate(TypedDict):
    concept: NotRequired[Annotated[str, Field(alias="concept")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    goal: NotRequired[Annotated[str, Field(alias="goal")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    job_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="job_id")]]
    project_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="project_id")]]
    prompt: NotRequired[Annotated[str, Field(alias="prompt")]]
    title: NotRequired[Annotated[str, Field(alias="title")]]
    tone: NotRequired[Annotated[str, Field(alias="tone")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]
    web_info: NotRequired[Annotated[str, Field(alias="web_info")]]

class PublicVideoSegmentations(BaseModel):
    art_style: str = Field(alias="art_style")
    concept: str = Field(alias="concept")
    created_at: datetime.datetime = Field(alias="created_at")
    id: uuid.UUID = Field(alias="id")
    is_selected: bool = Field(alias="is_selected")
    job_id: Optional[uuid.UUID] = Field(alias="job_id")
    model: str = Field(alias="model")
    negative_prompt: Optional[str] = Field(alias="negative_prompt")
    project_id: Optional[uuid.UUID] = Field(alias="project_id")
    prompt: str = Field(alias="prompt")
    updated_at: datetime.datetime = Field(alias="updated_at")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicVideoSegmentationsInsert(TypedDict):
    art_style: NotRequired[Annotated[str, Field(alias="art_style")]]
    concept: Annotated[str, Field(alias="concept")]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_selected: NotRequired[Annotated[bool, Field(alias="is_selected")]]
    job_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="job_id")]]
    model: NotRequired[Annotated[str, Field(alias="model")]]
    negative_prompt: NotRequired[Annotated[Optional[str], Field(alias="negative_prompt")]]
    project_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="project_id")]]
    prompt: Annotated[str, Field(alias="prompt")]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicVideoSegmentationsUpdate(TypedDict):
    art_style: NotRequired[Annotated[str, Field(alias="art_style")]]
    concept: NotRequired[Annotated[str, Field(alias="concept")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_selected: NotRequired[Annotated[bool, Field(alias="is_selected")]]
    job_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="job_id")]]
    model: NotRequired[Annotated[str, Field(alias="model")]]
    negative_prompt: NotRequired[Annotated[Optional[str], Field(alias="negative_prompt")]]
    project_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="project_id")]]
    prompt: NotRequired[Annotated[str, Field(alias="prompt")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicVideoSegments(BaseModel):
    animation: str = Field(alias="animation")
    created_at: datetime.datetime = Field(alias="created_at")
    id: uuid.UUID = Field(alias="id")
    narration: str = Field(alias="narration")
    position: int = Field(alias="position")
    segmentation_id: uuid.UUID = Field(alias="segmentation_id")
    user_id: uuid.UUID = Field(alias="user_id")
    visual: str = Field(alias="visual")

class PublicVideoSegmentsInsert(TypedDict):
    animation: NotRequired[Annotated[str, Field(alias="animation")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    narration: NotRequired[Annotated[str, Field(alias="narration")]]
    position: Annotated[int, Field(alias="position")]
    segmentation_id: Annotated[uuid.UUID, Field(alias="segmentation_id")]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]
    visual: Annotated[str, Field(alias="visual")]

class PublicVideoSegmentsUpdate(TypedDict):
    animation: NotRequired[Annotated[str, Field(alias="animation")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    narration: NotRequired[Annotated[str, Field(alias="narration")]]
    position: NotRequired[Annotated[int, Field(alias="position")]]
    segmentation_id: NotRequired[Annotated[uuid.UUID, Field(alias="segmentation_id")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]
    visual: NotRequired[Annotated[str, Field(alias="visual")]]

class PublicVideoSourceImages(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    duration_ms: Optional[int] = Field(alias="duration_ms")
    image_id: uuid.UUID = Field(alias="image_id")
    position: int = Field(alias="position")
    user_id: uuid.UUID = Field(alias="user_id")
    video_id: uuid.UUID = Field(alias="video_id")

class PublicVideoSourceImagesInsert(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    duration_ms: NotRequired[Annotated[Optional[int], Field(alias="duration_ms")]]
    image_id: Annotated[uuid.UUID, Field(alias="image_id")]
    position: Annotated[int, Field(alias="position")]
    user_id: Annotated[uuid.UUID, Field(alias="user_id")]
    video_id: Annotated[uuid.UUID, Field(alias="video_id")]

class PublicVideoSourceImagesUpdate(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    duration_ms: NotRequired[Annotated[Optional[int], Field(alias="duration_ms")]]
    image_id: NotRequired[Annotated[uuid.UUID, Field(alias="image_id")]]
    position: NotRequired[Annotated[int, Field(alias="position")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]
    video_id: NotRequired[Annotated[uuid.UUID, Field(alias="video_id")]]

class PublicWebResearchQueries(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    id: uuid.UUID = Field(alias="id")
    job_id: Optional[uuid.UUID] = Field(alias="job_id")
    project_id: Optional[uuid.UUID] = Field(alias="project_id")
    prompt: str = Field(alias="prompt")
    response: str = Field(alias="response")
    updated_at: datetime.datetime = Field(alias="updated_at")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicWebResearchQueriesInsert(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    job_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="job_id")]]
    project_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="project_id")]]
    prompt: Annotated[str, Field(alias="prompt")]
    response: Annotated[str, Field(alias="response")]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class PublicWebResearchQueriesUpdate(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    job_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="job_id")]]
    project_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="project_id")]]
    prompt: NotRequired[Annotated[str, Field(alias="prompt")]]
    response: NotRequired[Annotated[str, Field(alias="response")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class WorkerApiUsageLogs(BaseModel):
    call_id: uuid.UUID = Field(alias="call_id")
    cost_usd: Optional[float] = Field(alias="cost_usd")
    created_at: datetime.datetime = Field(alias="created_at")
    job_id: Optional[uuid.UUID] = Field(alias="job_id")
    latency_ms: Optional[int] = Field(alias="latency_ms")
    model: Optional[str] = Field(alias="model")
    operation: str = Field(alias="operation")
    provider: str = Field(alias="provider")
    request_id: Optional[str] = Field(alias="request_id")
    status_code: Optional[int] = Field(alias="status_code")
    units: Optional[float] = Field(alias="units")

class WorkerApiUsageLogsInsert(TypedDict):
    call_id: NotRequired[Annotated[uuid.UUID, Field(alias="call_id")]]
    cost_usd: NotRequired[Annotated[Optional[float], Field(alias="cost_usd")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    job_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="job_id")]]
    latency_ms: NotRequired[Annotated[Optional[int], Field(alias="latency_ms")]]
    model: NotRequired[Annotated[Optional[str], Field(alias="model")]]
    operation: Annotated[str, Field(alias="operation")]
    provider: Annotated[str, Field(alias="provider")]
    request_id: NotRequired[Annotated[Optional[str], Field(alias="request_id")]]
    status_code: NotRequired[Annotated[Optional[int], Field(alias="status_code")]]
    units: NotRequired[Annotated[Optional[float], Field(alias="units")]]

class WorkerApiUsageLogsUpdate(TypedDict):
    call_id: NotRequired[Annotated[uuid.UUID, Field(alias="call_id")]]
    cost_usd: NotRequired[Annotated[Optional[float], Field(alias="cost_usd")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    job_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="job_id")]]
    latency_ms: NotRequired[Annotated[Optional[int], Field(alias="latency_ms")]]
    model: NotRequired[Annotated[Optional[str], Field(alias="model")]]
    operation: NotRequired[Annotated[str, Field(alias="operation")]]
    provider: NotRequired[Annotated[str, Field(alias="provider")]]
    request_id: NotRequired[Annotated[Optional[str], Field(alias="request_id")]]
    status_code: NotRequired[Annotated[Optional[int], Field(alias="status_code")]]
    units: NotRequired[Annotated[Optional[float], Field(alias="units")]]

class WorkerAttempts(BaseModel):
    attempt: int = Field(alias="attempt")
    cost_usd: Optional[float] = Field(alias="cost_usd")
    error_class: Optional[WorkerErrorClass] = Field(alias="error_class")
    error_code: Optional[str] = Field(alias="error_code")
    error_message: Optional[str] = Field(alias="error_message")
    finished_at: Optional[datetime.datetime] = Field(alias="finished_at")
    job_id: uuid.UUID = Field(alias="job_id")
    latency_ms: Optional[int] = Field(alias="latency_ms")
    lease: Optional[uuid.UUID] = Field(alias="lease")
    outcome: str = Field(alias="outcome")
    provider: str = Field(alias="provider")
    provider_job_id: Optional[str] = Field(alias="provider_job_id")
    started_at: datetime.datetime = Field(alias="started_at")
    units: Optional[float] = Field(alias="units")
    worker: str = Field(alias="worker")

class WorkerAttemptsInsert(TypedDict):
    attempt: Annotated[int, Field(alias="attempt")]
    cost_usd: NotRequired[Annotated[Optional[float], Field(alias="cost_usd")]]
    error_class: NotRequired[Annotated[Optional[WorkerErrorClass], Field(alias="error_class")]]
    error_code: NotRequired[Annotated[Optional[str], Field(alias="error_code")]]
    error_message: NotRequired[Annotated[Optional[str], Field(alias="error_message")]]
    finished_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="finished_at")]]
    job_id: Annotated[uuid.UUID, Field(alias="job_id")]
    latency_ms: NotRequired[Annotated[Optional[int], Field(alias="latency_ms")]]
    lease: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="lease")]]
    outcome: NotRequired[Annotated[str, Field(alias="outcome")]]
    provider: Annotated[str, Field(alias="provider")]
    provider_job_id: NotRequired[Annotated[Optional[str], Field(alias="provider_job_id")]]
    started_at: NotRequired[Annotated[datetime.datetime, Field(alias="started_at")]]
    units: NotRequired[Annotated[Optional[float], Field(alias="units")]]
    worker: Annotated[str, Field(alias="worker")]

class WorkerAttemptsUpdate(TypedDict):
    attempt: NotRequired[Annotated[int, Field(alias="attempt")]]
    cost_usd: NotRequired[Annotated[Optional[float], Field(alias="cost_usd")]]
    error_class: NotRequired[Annotated[Optional[WorkerErrorClass], Field(alias="error_class")]]
    error_code: NotRequired[Annotated[Optional[str], Field(alias="error_code")]]
    error_message: NotRequired[Annotated[Optional[str], Field(alias="error_message")]]
    finished_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="finished_at")]]
    job_id: NotRequired[Annotated[uuid.UUID, Field(alias="job_id")]]
    latency_ms: NotRequired[Annotated[Optional[int], Field(alias="latency_ms")]]
    lease: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="lease")]]
    outcome: NotRequired[Annotated[str, Field(alias="outcome")]]
    provider: NotRequired[Annotated[str, Field(alias="provider")]]
    provider_job_id: NotRequired[Annotated[Optional[str], Field(alias="provider_job_id")]]
    started_at: NotRequired[Annotated[datetime.datetime, Field(alias="started_at")]]
    units: NotRequired[Annotated[Optional[float], Field(alias="units")]]
    worker: NotRequired[Annotated[str, Field(alias="worker")]]

class WorkerCancellations(BaseModel):
    available_at: datetime.datetime = Field(alias="available_at")
    created_at: datetime.datetime = Field(alias="created_at")
    job_id: uuid.UUID = Field(alias="job_id")
    provider: str = Field(alias="provider")
    provider_job_id: str = Field(alias="provider_job_id")
    provider_state: Optional[JsonValue] = Field(alias="provider_state")
    tries: int = Field(alias="tries")

class WorkerCancellationsInsert(TypedDict):
    available_at: NotRequired[Annotated[datetime.datetime, Field(alias="available_at")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    job_id: Annotated[uuid.UUID, Field(alias="job_id")]
    provider: Annotated[str, Field(alias="provider")]
    provider_job_id: Annotated[str, Field(alias="provider_job_id")]
    provider_state: NotRequired[Annotated[Optional[JsonValue], Field(alias="provider_state")]]
    tries: NotRequired[Annotated[int, Field(alias="tries")]]

class WorkerCancellationsUpdate(TypedDict):
    available_at: NotRequired[Annotated[datetime.datetime, Field(alias="available_at")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    job_id: NotRequired[Annotated[uuid.UUID, Field(alias="job_id")]]
    provider: NotRequired[Annotated[str, Field(alias="provider")]]
    provider_job_id: NotRequired[Annotated[str, Field(alias="provider_job_id")]]
    provider_state: NotRequired[Annotated[Optional[JsonValue], Field(alias="provider_state")]]
    tries: NotRequired[Annotated[int, Field(alias="tries")]]

class WorkerClaims(BaseModel):
    claimed_at: datetime.datetime = Field(alias="claimed_at")
    lease: uuid.UUID = Field(alias="lease")
    tasks: int = Field(alias="tasks")
    worker: str = Field(alias="worker")

class WorkerClaimsInsert(TypedDict):
    claimed_at: NotRequired[Annotated[datetime.datetime, Field(alias="claimed_at")]]
    lease: Annotated[uuid.UUID, Field(alias="lease")]
    tasks: Annotated[int, Field(alias="tasks")]
    worker: Annotated[str, Field(alias="worker")]

class WorkerClaimsUpdate(TypedDict):
    claimed_at: NotRequired[Annotated[datetime.datetime, Field(alias="claimed_at")]]
    lease: NotRequired[Annotated[uuid.UUID, Field(alias="lease")]]
    tasks: NotRequired[Annotated[int, Field(alias="tasks")]]
    worker: NotRequired[Annotated[str, Field(alias="worker")]]

class WorkerDebtChanges(BaseModel):
    amount: float = Field(alias="amount")
    created_at: datetime.datetime = Field(alias="created_at")
    id: int = Field(alias="id")
    payment_id: uuid.UUID = Field(alias="payment_id")

class WorkerDebtChangesInsert(TypedDict):
    amount: Annotated[float, Field(alias="amount")]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[int, Field(alias="id")]]
    payment_id: Annotated[uuid.UUID, Field(alias="payment_id")]

class WorkerDebtChangesUpdate(TypedDict):
    amount: NotRequired[Annotated[float, Field(alias="amount")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    id: NotRequired[Annotated[int, Field(alias="id")]]
    payment_id: NotRequired[Annotated[uuid.UUID, Field(alias="payment_id")]]

class WorkerFileRemovals(BaseModel):
    available_at: datetime.datetime = Field(alias="available_at")
    bucket: str = Field(alias="bucket")
    created_at: datetime.datetime = Field(alias="created_at")
    storage_path: str = Field(alias="storage_path")

class WorkerFileRemovalsInsert(TypedDict):
    available_at: NotRequired[Annotated[datetime.datetime, Field(alias="available_at")]]
    bucket: Annotated[str, Field(alias="bucket")]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    storage_path: Annotated[str, Field(alias="storage_path")]

class WorkerFileRemovalsUpdate(TypedDict):
    available_at: NotRequired[Annotated[datetime.datetime, Field(alias="available_at")]]
    bucket: NotRequired[Annotated[str, Field(alias="bucket")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    storage_path: NotRequired[Annotated[str, Field(alias="storage_path")]]

class WorkerLanes(BaseModel):
    kind: PublicGenerationKind = Field(alias="kind")
    oldest_at: datetime.datetime = Field(alias="oldest_at")
    priority: int = Field(alias="priority")
    provider: str = Field(alias="provider")

class WorkerLanesInsert(TypedDict):
    kind: Annotated[PublicGenerationKind, Field(alias="kind")]
    oldest_at: NotRequired[Annotated[datetime.datetime, Field(alias="oldest_at")]]
    priority: Annotated[int, Field(alias="priority")]
    provider: Annotated[str, Field(alias="provider")]

class WorkerLanesUpdate(TypedDict):
    kind: NotRequired[Annotated[PublicGenerationKind, Field(alias="kind")]]
    oldest_at: NotRequired[Annotated[datetime.datetime, Field(alias="oldest_at")]]
    priority: NotRequired[Annotated[int, Field(alias="priority")]]
    provider: NotRequired[Annotated[str, Field(alias="provider")]]

class WorkerOperatorActions(BaseModel):
    action: str = Field(alias="action")
    created_at: datetime.datetime = Field(alias="created_at")
    details: JsonValue = Field(alias="details")
    id: uuid.UUID = Field(alias="id")
    operator: str = Field(alias="operator")
    reason: str = Field(alias="reason")
    transaction_id: Optional[uuid.UUID] = Field(alias="transaction_id")
    user_id: Optional[uuid.UUID] = Field(alias="user_id")

class WorkerOperatorActionsInsert(TypedDict):
    action: Annotated[str, Field(alias="action")]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    details: NotRequired[Annotated[JsonValue, Field(alias="details")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    operator: Annotated[str, Field(alias="operator")]
    reason: Annotated[str, Field(alias="reason")]
    transaction_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="transaction_id")]]
    user_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="user_id")]]

class WorkerOperatorActionsUpdate(TypedDict):
    action: NotRequired[Annotated[str, Field(alias="action")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    details: NotRequired[Annotated[JsonValue, Field(alias="details")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    operator: NotRequired[Annotated[str, Field(alias="operator")]]
    reason: NotRequired[Annotated[str, Field(alias="reason")]]
    transaction_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="transaction_id")]]
    user_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="user_id")]]

class WorkerPaymentChecks(BaseModel):
    checks: int = Field(alias="checks")
    due_at: datetime.datetime = Field(alias="due_at")
    payment_id: uuid.UUID = Field(alias="payment_id")
    provider: PublicPaymentProvider = Field(alias="provider")

class WorkerPaymentChecksInsert(TypedDict):
    checks: NotRequired[Annotated[int, Field(alias="checks")]]
    due_at: Annotated[datetime.datetime, Field(alias="due_at")]
    payment_id: Annotated[uuid.UUID, Field(alias="payment_id")]
    provider: Annotated[PublicPaymentProvider, Field(alias="provider")]

class WorkerPaymentChecksUpdate(TypedDict):
    checks: NotRequired[Annotated[int, Field(alias="checks")]]
    due_at: NotRequired[Annotated[datetime.datetime, Field(alias="due_at")]]
    payment_id: NotRequired[Annotated[uuid.UUID, Field(alias="payment_id")]]
    provider: NotRequired[Annotated[PublicPaymentProvider, Field(alias="provider")]]

class WorkerPaymentCustomers(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    provider: PublicPaymentProvider = Field(alias="provider")
    provider_reference: str = Field(alias="provider_reference")
    user_id: uuid.UUID = Field(alias="user_id")

class WorkerPaymentCustomersInsert(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    provider: Annotated[PublicPaymentProvider, Field(alias="provider")]
    provider_reference: Annotated[str, Field(alias="provider_reference")]
    user_id: Annotated[uuid.UUID, Field(alias="user_id")]

class WorkerPaymentCustomersUpdate(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    provider: NotRequired[Annotated[PublicPaymentProvider, Field(alias="provider")]]
    provider_reference: NotRequired[Annotated[str, Field(alias="provider_reference")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class WorkerPaymentDisputes(BaseModel):
    amount_minor: Optional[int] = Field(alias="amount_minor")
    closed_at: Optional[datetime.datetime] = Field(alias="closed_at")
    opened_at: datetime.datetime = Field(alias="opened_at")
    outcome: str = Field(alias="outcome")
    payment_id: uuid.UUID = Field(alias="payment_id")
    provider_reference: str = Field(alias="provider_reference")
    reason: Optional[str] = Field(alias="reason")
    user_id: uuid.UUID = Field(alias="user_id")

class WorkerPaymentDisputesInsert(TypedDict):
    amount_minor: NotRequired[Annotated[Optional[int], Field(alias="amount_minor")]]
    closed_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="closed_at")]]
    opened_at: NotRequired[Annotated[datetime.datetime, Field(alias="opened_at")]]
    outcome: NotRequired[Annotated[str, Field(alias="outcome")]]
    payment_id: Annotated[uuid.UUID, Field(alias="payment_id")]
    provider_reference: Annotated[str, Field(alias="provider_reference")]
    reason: NotRequired[Annotated[Optional[str], Field(alias="reason")]]
    user_id: Annotated[uuid.UUID, Field(alias="user_id")]

class WorkerPaymentDisputesUpdate(TypedDict):
    amount_minor: NotRequired[Annotated[Optional[int], Field(alias="amount_minor")]]
    closed_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="closed_at")]]
    opened_at: NotRequired[Annotated[datetime.datetime, Field(alias="opened_at")]]
    outcome: NotRequired[Annotated[str, Field(alias="outcome")]]
    payment_id: NotRequired[Annotated[uuid.UUID, Field(alias="payment_id")]]
    provider_reference: NotRequired[Annotated[str, Field(alias="provider_reference")]]
    reason: NotRequired[Annotated[Optional[str], Field(alias="reason")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class WorkerProviderRates(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    provider: str = Field(alias="provider")
    provider_model: str = Field(alias="provider_model")
    unit: str = Field(alias="unit")
    updated_at: datetime.datetime = Field(alias="updated_at")
    usd_per_unit: float = Field(alias="usd_per_unit")

class WorkerProviderRatesInsert(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    provider: Annotated[str, Field(alias="provider")]
    provider_model: Annotated[str, Field(alias="provider_model")]
    unit: Annotated[str, Field(alias="unit")]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    usd_per_unit: Annotated[float, Field(alias="usd_per_unit")]

class WorkerProviderRatesUpdate(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    provider: NotRequired[Annotated[str, Field(alias="provider")]]
    provider_model: NotRequired[Annotated[str, Field(alias="provider_model")]]
    unit: NotRequired[Annotated[str, Field(alias="unit")]]
    updated_at: NotRequired[Annotated[datetime.datetime, Field(alias="updated_at")]]
    usd_per_unit: NotRequired[Annotated[float, Field(alias="usd_per_unit")]]

class WorkerProviders(BaseModel):
    failed_at: Optional[datetime.datetime] = Field(alias="failed_at")
    failures: int = Field(alias="failures")
    is_drained: bool = Field(alias="is_drained")
    max_running: Optional[int] = Field(alias="max_running")
    name: str = Field(alias="name")
    pause_reason: Optional[str] = Field(alias="pause_reason")
    paused_until: Optional[datetime.datetime] = Field(alias="paused_until")
    starts_per_minute: Optional[int] = Field(alias="starts_per_minute")
    tokens: float = Field(alias="tokens")
    tokens_at: datetime.datetime = Field(alias="tokens_at")

class WorkerProvidersInsert(TypedDict):
    failed_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="failed_at")]]
    failures: NotRequired[Annotated[int, Field(alias="failures")]]
    is_drained: NotRequired[Annotated[bool, Field(alias="is_drained")]]
    max_running: NotRequired[Annotated[Optional[int], Field(alias="max_running")]]
    name: Annotated[str, Field(alias="name")]
    pause_reason: NotRequired[Annotated[Optional[str], Field(alias="pause_reason")]]
    paused_until: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="paused_until")]]
    starts_per_minute: NotRequired[Annotated[Optional[int], Field(alias="starts_per_minute")]]
    tokens: NotRequired[Annotated[float, Field(alias="tokens")]]
    tokens_at: NotRequired[Annotated[datetime.datetime, Field(alias="tokens_at")]]

class WorkerProvidersUpdate(TypedDict):
    failed_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="failed_at")]]
    failures: NotRequired[Annotated[int, Field(alias="failures")]]
    is_drained: NotRequired[Annotated[bool, Field(alias="is_drained")]]
    max_running: NotRequired[Annotated[Optional[int], Field(alias="max_running")]]
    name: NotRequired[Annotated[str, Field(alias="name")]]
    pause_reason: NotRequired[Annotated[Optional[str], Field(alias="pause_reason")]]
    paused_until: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="paused_until")]]
    starts_per_minute: NotRequired[Annotated[Optional[int], Field(alias="starts_per_minute")]]
    tokens: NotRequired[Annotated[float, Field(alias="tokens")]]
    tokens_at: NotRequired[Annotated[datetime.datetime, Field(alias="tokens_at")]]

class WorkerTasks(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    deadline_at: datetime.datetime = Field(alias="deadline_at")
    due_at: Optional[datetime.datetime] = Field(alias="due_at")
    failures: int = Field(alias="failures")
    is_admitted: bool = Field(alias="is_admitted")
    is_uncertain: bool = Field(alias="is_uncertain")
    is_woken: bool = Field(alias="is_woken")
    job_id: uuid.UUID = Field(alias="job_id")
    kind: PublicGenerationKind = Field(alias="kind")
    lease: Optional[uuid.UUID] = Field(alias="lease")
    lease_expires_at: Optional[datetime.datetime] = Field(alias="lease_expires_at")
    priority: int = Field(alias="priority")
    provider: str = Field(alias="provider")
    provider_job_id: Optional[str] = Field(alias="provider_job_id")
    provider_state: Optional[JsonValue] = Field(alias="provider_state")
    ready_at: Optional[datetime.datetime] = Field(alias="ready_at")
    step: WorkerTaskStep = Field(alias="step")
    tries: int = Field(alias="tries")
    user_id: uuid.UUID = Field(alias="user_id")
    waits_for: int = Field(alias="waits_for")
    worker: Optional[str] = Field(alias="worker")

class WorkerTasksInsert(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    deadline_at: Annotated[datetime.datetime, Field(alias="deadline_at")]
    due_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="due_at")]]
    failures: NotRequired[Annotated[int, Field(alias="failures")]]
    is_admitted: NotRequired[Annotated[bool, Field(alias="is_admitted")]]
    is_uncertain: NotRequired[Annotated[bool, Field(alias="is_uncertain")]]
    is_woken: NotRequired[Annotated[bool, Field(alias="is_woken")]]
    job_id: Annotated[uuid.UUID, Field(alias="job_id")]
    kind: Annotated[PublicGenerationKind, Field(alias="kind")]
    lease: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="lease")]]
    lease_expires_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="lease_expires_at")]]
    priority: NotRequired[Annotated[int, Field(alias="priority")]]
    provider: Annotated[str, Field(alias="provider")]
    provider_job_id: NotRequired[Annotated[Optional[str], Field(alias="provider_job_id")]]
    provider_state: NotRequired[Annotated[Optional[JsonValue], Field(alias="provider_state")]]
    ready_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="ready_at")]]
    step: NotRequired[Annotated[WorkerTaskStep, Field(alias="step")]]
    tries: NotRequired[Annotated[int, Field(alias="tries")]]
    user_id: Annotated[uuid.UUID, Field(alias="user_id")]
    waits_for: NotRequired[Annotated[int, Field(alias="waits_for")]]
    worker: NotRequired[Annotated[Optional[str], Field(alias="worker")]]

class WorkerTasksUpdate(TypedDict):
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    deadline_at: NotRequired[Annotated[datetime.datetime, Field(alias="deadline_at")]]
    due_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="due_at")]]
    failures: NotRequired[Annotated[int, Field(alias="failures")]]
    is_admitted: NotRequired[Annotated[bool, Field(alias="is_admitted")]]
    is_uncertain: NotRequired[Annotated[bool, Field(alias="is_uncertain")]]
    is_woken: NotRequired[Annotated[bool, Field(alias="is_woken")]]
    job_id: NotRequired[Annotated[uuid.UUID, Field(alias="job_id")]]
    kind: NotRequired[Annotated[PublicGenerationKind, Field(alias="kind")]]
    lease: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="lease")]]
    lease_expires_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="lease_expires_at")]]
    priority: NotRequired[Annotated[int, Field(alias="priority")]]
    provider: NotRequired[Annotated[str, Field(alias="provider")]]
    provider_job_id: NotRequired[Annotated[Optional[str], Field(alias="provider_job_id")]]
    provider_state: NotRequired[Annotated[Optional[JsonValue], Field(alias="provider_state")]]
    ready_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="ready_at")]]
    step: NotRequired[Annotated[WorkerTaskStep, Field(alias="step")]]
    tries: NotRequired[Annotated[int, Field(alias="tries")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]
    waits_for: NotRequired[Annotated[int, Field(alias="waits_for")]]
    worker: NotRequired[Annotated[Optional[str], Field(alias="worker")]]

class WorkerUploadChecks(BaseModel):
    due_at: datetime.datetime = Field(alias="due_at")
    job_id: uuid.UUID = Field(alias="job_id")
    user_id: uuid.UUID = Field(alias="user_id")

class WorkerUploadChecksInsert(TypedDict):
    due_at: Annotated[datetime.datetime, Field(alias="due_at")]
    job_id: Annotated[uuid.UUID, Field(alias="job_id")]
    user_id: Annotated[uuid.UUID, Field(alias="user_id")]

class WorkerUploadChecksUpdate(TypedDict):
    due_at: NotRequired[Annotated[datetime.datetime, Field(alias="due_at")]]
    job_id: NotRequired[Annotated[uuid.UUID, Field(alias="job_id")]]
    user_id: NotRequired[Annotated[uuid.UUID, Field(alias="user_id")]]

class WorkerWebhookEvents(BaseModel):
    attempts: int = Field(alias="attempts")
    created_at: datetime.datetime = Field(alias="created_at")
    error: Optional[str] = Field(alias="error")
    event_id: str = Field(alias="event_id")
    forgiven: int = Field(alias="forgiven")
    headers: JsonValue = Field(alias="headers")
    id: uuid.UUID = Field(alias="id")
    is_of_payment: bool = Field(alias="is_of_payment")
    job_id: Optional[uuid.UUID] = Field(alias="job_id")
    next_attempt_at: Optional[datetime.datetime] = Field(alias="next_attempt_at")
    payload: JsonValue = Field(alias="payload")
    payment_id: Optional[uuid.UUID] = Field(alias="payment_id")
    processed_at: Optional[datetime.datetime] = Field(alias="processed_at")
    provider: str = Field(alias="provider")
    status: WorkerWebhookStatus = Field(alias="status")
    subject: Optional[str] = Field(alias="subject")
    type: str = Field(alias="type")

class WorkerWebhookEventsInsert(TypedDict):
    attempts: NotRequired[Annotated[int, Field(alias="attempts")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    error: NotRequired[Annotated[Optional[str], Field(alias="error")]]
    event_id: Annotated[str, Field(alias="event_id")]
    forgiven: NotRequired[Annotated[int, Field(alias="forgiven")]]
    headers: NotRequired[Annotated[JsonValue, Field(alias="headers")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_of_payment: Annotated[bool, Field(alias="is_of_payment")]
    job_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="job_id")]]
    next_attempt_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="next_attempt_at")]]
    payload: Annotated[JsonValue, Field(alias="payload")]
    payment_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="payment_id")]]
    processed_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="processed_at")]]
    provider: Annotated[str, Field(alias="provider")]
    status: NotRequired[Annotated[WorkerWebhookStatus, Field(alias="status")]]
    subject: NotRequired[Annotated[Optional[str], Field(alias="subject")]]
    type: Annotated[str, Field(alias="type")]

class WorkerWebhookEventsUpdate(TypedDict):
    attempts: NotRequired[Annotated[int, Field(alias="attempts")]]
    created_at: NotRequired[Annotated[datetime.datetime, Field(alias="created_at")]]
    error: NotRequired[Annotated[Optional[str], Field(alias="error")]]
    event_id: NotRequired[Annotated[str, Field(alias="event_id")]]
    forgiven: NotRequired[Annotated[int, Field(alias="forgiven")]]
    headers: NotRequired[Annotated[JsonValue, Field(alias="headers")]]
    id: NotRequired[Annotated[uuid.UUID, Field(alias="id")]]
    is_of_payment: NotRequired[Annotated[bool, Field(alias="is_of_payment")]]
    job_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="job_id")]]
    next_attempt_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="next_attempt_at")]]
    payload: NotRequired[Annotated[JsonValue, Field(alias="payload")]]
    payment_id: NotRequired[Annotated[Optional[uuid.UUID], Field(alias="payment_id")]]
    processed_at: NotRequired[Annotated[Optional[datetime.datetime], Field(alias="processed_at")]]
    provider: NotRequired[Annotated[str, Field(alias="provider")]]
    status: NotRequired[Annotated[WorkerWebhookStatus, Field(alias="status")]]
    subject: NotRequired[Annotated[Optional[str], Field(alias="subject")]]
    type: NotRequired[Annotated[str, Field(alias="type")]]

class PublicCreditStatement(BaseModel):
    amount: float = Field(alias="amount")
    balance_after: float = Field(alias="balance_after")
    created_at: datetime.datetime = Field(alias="created_at")
    description: Optional[str] = Field(alias="description")
    job_id: Optional[uuid.UUID] = Field(alias="job_id")
    model_id: Optional[str] = Field(alias="model_id")
    operation_type: Optional[PublicGenerationKind] = Field(alias="operation_type")
    payment_id: Optional[uuid.UUID] = Field(alias="payment_id")
    reverses_id: Optional[uuid.UUID] = Field(alias="reverses_id")
    status: PublicTransactionStatus = Field(alias="status")
    transaction_id: uuid.UUID = Field(alias="transaction_id")
    type: PublicTransactionType = Field(alias="type")
    user_id: uuid.UUID = Field(alias="user_id")
    version: int = Field(alias="version")

class PublicCreditUsageByModel(BaseModel):
    credits: Optional[float] = Field(alias="credits")
    day: Optional[datetime.date] = Field(alias="day")
    jobs: Optional[int] = Field(alias="jobs")
    model_id: Optional[str] = Field(alias="model_id")
    operation_type: Optional[PublicGenerationKind] = Field(alias="operation_type")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicGeneratedImages(BaseModel):
    art_style: Optional[str] = Field(alias="art_style")
    asset_id: Optional[uuid.UUID] = Field(alias="asset_id")
    bucket: Optional[str] = Field(alias="bucket")
    created_at: datetime.datetime = Field(alias="created_at")
    credit_transaction_id: Optional[uuid.UUID] = Field(alias="credit_transaction_id")
    credits_used: Optional[float] = Field(alias="credits_used")
    id: Optional[uuid.UUID] = Field(alias="id")
    image_size_bytes: Optional[int] = Field(alias="image_size_bytes")
    is_refunded: bool = Field(alias="is_refunded")
    job_id: uuid.UUID = Field(alias="job_id")
    message: Optional[str] = Field(alias="message")
    model: str = Field(alias="model")
    position: Optional[int] = Field(alias="position")
    project_id: Optional[uuid.UUID] = Field(alias="project_id")
    status: PublicJobStatus = Field(alias="status")
    storage_path: Optional[str] = Field(alias="storage_path")
    success: Optional[bool] = Field(alias="success")
    thumbnail_bucket: Optional[str] = Field(alias="thumbnail_bucket")
    thumbnail_path: Optional[str] = Field(alias="thumbnail_path")
    user_id: uuid.UUID = Field(alias="user_id")
    visual_prompt: str = Field(alias="visual_prompt")

class PublicGeneratedVideoFiles(BaseModel):
    bucket: str = Field(alias="bucket")
    created_at: datetime.datetime = Field(alias="created_at")
    duration: Optional[float] = Field(alias="duration")
    generated_video_id: Optional[uuid.UUID] = Field(alias="generated_video_id")
    id: uuid.UUID = Field(alias="id")
    position: Optional[int] = Field(alias="position")
    project_id: Optional[uuid.UUID] = Field(alias="project_id")
    size_bytes: int = Field(alias="size_bytes")
    storage_path: str = Field(alias="storage_path")
    thumbnail_bucket: Optional[str] = Field(alias="thumbnail_bucket")
    thumbnail_path: Optional[str] = Field(alias="thumbnail_path")
    user_id: Optional[uuid.UUID] = Field(alias="user_id")

class PublicGeneratedVideos(BaseModel):
    animation_prompt: str = Field(alias="animation_prompt")
    art_style: Optional[str] = Field(alias="art_style")
    created_at: datetime.datetime = Field(alias="created_at")
    credit_transaction_id: Optional[uuid.UUID] = Field(alias="credit_transaction_id")
    credits_used: Optional[float] = Field(alias="credits_used")
    id: uuid.UUID = Field(alias="id")
    image_bucket: Optional[str] = Field(alias="image_bucket")
    image_storage_path: Optional[str] = Field(alias="image_storage_path")
    is_refunded: bool = Field(alias="is_refunded")
    message: Optional[str] = Field(alias="message")
    model: str = Field(alias="model")
    project_id: Optional[uuid.UUID] = Field(alias="project_id")
    status: PublicJobStatus = Field(alias="status")
    success: Optional[bool] = Field(alias="success")
    total_videos: Optional[int] = Field(alias="total_videos")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicGeneratedVoiceovers(BaseModel):
    asset_id: Optional[uuid.UUID] = Field(alias="asset_id")
    bucket: Optional[str] = Field(alias="bucket")
    created_at: datetime.datetime = Field(alias="created_at")
    credit_transaction_id: Optional[uuid.UUID] = Field(alias="credit_transaction_id")
    credits_used: Optional[float] = Field(alias="credits_used")
    duration: Optional[float] = Field(alias="duration")
    id: Optional[uuid.UUID] = Field(alias="id")
    is_refunded: bool = Field(alias="is_refunded")
    job_id: uuid.UUID = Field(alias="job_id")
    message: Optional[str] = Field(alias="message")
    model: str = Field(alias="model")
    narration_prompt: str = Field(alias="narration_prompt")
    position: Optional[int] = Field(alias="position")
    project_id: Optional[uuid.UUID] = Field(alias="project_id")
    status: PublicJobStatus = Field(alias="status")
    storage_path: Optional[str] = Field(alias="storage_path")
    success: Optional[bool] = Field(alias="success")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicImages(BaseModel):
    aspect_ratio: Optional[str] = Field(alias="aspect_ratio")
    bucket: str = Field(alias="bucket")
    created_at: datetime.datetime = Field(alias="created_at")
    format: Optional[str] = Field(alias="format")
    height: Optional[int] = Field(alias="height")
    id: uuid.UUID = Field(alias="id")
    job_id: Optional[uuid.UUID] = Field(alias="job_id")
    project_id: Optional[uuid.UUID] = Field(alias="project_id")
    size_bytes: int = Field(alias="size_bytes")
    storage_path: str = Field(alias="storage_path")
    style: Optional[str] = Field(alias="style")
    thumbnail_bucket: Optional[str] = Field(alias="thumbnail_bucket")
    thumbnail_path: Optional[str] = Field(alias="thumbnail_path")
    updated_at: datetime.datetime = Field(alias="updated_at")
    user_id: uuid.UUID = Field(alias="user_id")
    width: Optional[int] = Field(alias="width")

class PublicUserStats(BaseModel):
    completed_jobs: Optional[int] = Field(alias="completed_jobs")
    credits_spent: Optional[float] = Field(alias="credits_spent")
    failed_jobs: Optional[int] = Field(alias="failed_jobs")
    last_login_at: Optional[datetime.datetime] = Field(alias="last_login_at")
    total_jobs: Optional[int] = Field(alias="total_jobs")
    user_id: uuid.UUID = Field(alias="user_id")

class PublicVideos(BaseModel):
    aspect_ratio: Optional[str] = Field(alias="aspect_ratio")
    bucket: str = Field(alias="bucket")
    created_at: datetime.datetime = Field(alias="created_at")
    duration: Optional[float] = Field(alias="duration")
    format: Optional[str] = Field(alias="format")
    height: Optional[int] = Field(alias="height")
    id: uuid.UUID = Field(alias="id")
    job_id: Optional[uuid.UUID] = Field(alias="job_id")
    project_id: Optional[uuid.UUID] = Field(alias="project_id")
    size_bytes: int = Field(alias="size_bytes")
    storage_path: str = Field(alias="storage_path")
    style: Optional[str] = Field(alias="style")
    thumbnail_bucket: Optional[str] = Field(alias="thumbnail_bucket")
    thumbnail_path: Optional[str] = Field(alias="thumbnail_path")
    updated_at: datetime.datetime = Field(alias="updated_at")
    user_id: uuid.UUID = Field(alias="user_id")
    width: Optional[int] = Field(alias="width")

class WorkerCreditLiability(BaseModel):
    currency: Optional[str] = Field(alias="currency")
    held_credits: Optional[float] = Field(alias="held_credits")
    liability_credits: Optional[float] = Field(alias="liability_credits")
    liability_minor: Optional[float] = Field(alias="liability_minor")
    owed_credits: Optional[float] = Field(alias="owed_credits")
    owed_minor: Optional[float] = Field(alias="owed_minor")
    unspent_credits: Optional[float] = Field(alias="unspent_credits")

class WorkerCreditsByMonth(BaseModel):
    credits: Optional[float] = Field(alias="credits")
    entries: Optional[int] = Field(alias="entries")
    month: Optional[datetime.date] = Field(alias="month")
    type: PublicTransactionType = Field(alias="type")

class WorkerJobQueueStatus(BaseModel):
    average_wait_seconds: Optional[float] = Field(alias="average_wait_seconds")
    jobs: Optional[int] = Field(alias="jobs")
    kind: Optional[PublicGenerationKind] = Field(alias="kind")
    longest_wait_seconds: Optional[float] = Field(alias="longest_wait_seconds")
    provider: Optional[str] = Field(alias="provider")
    status: Optional[PublicJobStatus] = Field(alias="status")

class WorkerProviderCosts(BaseModel):
    average_latency_ms: Optional[float] = Field(alias="average_latency_ms")
    calls: Optional[int] = Field(alias="calls")
    cost_usd: Optional[float] = Field(alias="cost_usd")
    day: Optional[datetime.date] = Field(alias="day")
    failures: Optional[int] = Field(alias="failures")
    model: Optional[str] = Field(alias="model")
    operation: str = Field(alias="operation")
    provider: str = Field(alias="provider")
    units: Optional[float] = Field(alias="units")

class WorkerQueueDepths(BaseModel):
    begun: Optional[int] = Field(alias="begun")
    blocked: Optional[int] = Field(alias="blocked")
    held: Optional[int] = Field(alias="held")
    in_line: Optional[int] = Field(alias="in_line")
    jobs: Optional[int] = Field(alias="jobs")
    kind: PublicGenerationKind = Field(alias="kind")
    oldest_wait_seconds: Optional[float] = Field(alias="oldest_wait_seconds")
    parked: Optional[int] = Field(alias="parked")
    provider: str = Field(alias="provider")
    running: Optional[int] = Field(alias="running")
    underway: Optional[int] = Field(alias="underway")

class WorkerQueueJobs(BaseModel):
    created_at: datetime.datetime = Field(alias="created_at")
    deadline_at: datetime.datetime = Field(alias="deadline_at")
    due_at: Optional[datetime.datetime] = Field(alias="due_at")
    job_id: uuid.UUID = Field(alias="job_id")
    kind: PublicGenerationKind = Field(alias="kind")
    lease_expires_at: Optional[datetime.datetime] = Field(alias="lease_expires_at")
    place: Optional[str] = Field(alias="place")
    provider: str = Field(alias="provider")
    ready_at: Optional[datetime.datetime] = Field(alias="ready_at")
    status: Optional[PublicJobStatus] = Field(alias="status")
    step: WorkerTaskStep = Field(alias="step")
    user_id: uuid.UUID = Field(alias="user_id")
    worker: Optional[str] = Field(alias="worker")

class WorkerQueueRates(BaseModel):
    cancelled_5m: Optional[int] = Field(alias="cancelled_5m")
    completed_5m: Optional[int] = Field(alias="completed_5m")
    ended_1m: Optional[int] = Field(alias="ended_1m")
    expired_5m: Optional[int] = Field(alias="expired_5m")
    failed_5m: Optional[int] = Field(alias="failed_5m")
    kind: PublicGenerationKind = Field(alias="kind")
    provider: str = Field(alias="provider")
    started_1m: Optional[int] = Field(alias="started_1m")
    started_5m: Optional[int] = Field(alias="started_5m")

class WorkerQueueUsers(BaseModel):
    begun: Optional[int] = Field(alias="begun")
    blocked: Optional[int] = Field(alias="blocked")
    held: Optional[int] = Field(alias="held")
    in_line: Optional[int] = Field(alias="in_line")
    jobs: Optional[int] = Field(alias="jobs")
    oldest_wait_seconds: Optional[float] = Field(alias="oldest_wait_seconds")
    parked: Optional[int] = Field(alias="parked")
    running: Optional[int] = Field(alias="running")
    underway: Optional[int] = Field(alias="underway")
    user_id: uuid.UUID = Field(alias="user_id")

class WorkerRevenueByMonth(BaseModel):
    currency: Optional[str] = Field(alias="currency")
    expired_credits: Optional[float] = Field(alias="expired_credits")
    expired_minor: Optional[float] = Field(alias="expired_minor")
    liability_credits: Optional[float] = Field(alias="liability_credits")
    liability_minor: Optional[float] = Field(alias="liability_minor")
    month: Optional[datetime.date] = Field(alias="month")
    recognised_credits: Optional[float] = Field(alias="recognised_credits")
    recognised_minor: Optional[float] = Field(alias="recognised_minor")
    returned_credits: Optional[float] = Field(alias="returned_credits")
    returned_minor: Optional[float] = Field(alias="returned_minor")
    sold_credits: Optional[float] = Field(alias="sold_credits")
    sold_minor: Optional[float] = Field(alias="sold_minor")
    withdrawn_credits: Optional[float] = Field(alias="withdrawn_credits")
    withdrawn_minor: Optional[float] = Field(alias="withdrawn_minor")

class WorkerRevenueEntries(BaseModel):
    amount_minor: Optional[float] = Field(alias="amount_minor")
    credits: Optional[float] = Field(alias="credits")
    currency: Optional[str] = Field(alias="currency")
    effect: Optional[str] = Field(alias="effect")
    occurred_at: Optional[datetime.datetime] = Field(alias="occurred_at")
    payment_id: Optional[uuid.UUID] = Field(alias="payment_id")
    transaction_id: Optional[uuid.UUID] = Field(alias="transaction_id")

class WorkerSoldLots(BaseModel):
    average_price_minor: Optional[float] = Field(alias="average_price_minor")
    currency: Optional[str] = Field(alias="currency")
    grant_id: Optional[uuid.UUID] = Field(alias="grant_id")
    payment_id: Optional[uuid.UUID] = Field(alias="payment_id")
    price_minor: Optional[float] = Field(alias="price_minor")



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

class PublicLimitUse(BaseModel):
    resource: Optional[str] = Field(alias="resource")
    used: Optional[int] = Field(alias="used")
    allowed: Optional[int] = Field(alias="allowed")

class PublicMyCreditsSummary(BaseModel):
    balance: Optional[float] = Field(alias="balance")
    spendable: Optional[float] = Field(alias="spendable")
    in_flight: Optional[float] = Field(alias="in_flight")
    debt: Optional[float] = Field(alias="debt")
    next_expiry_at: Optional[datetime.datetime] = Field(alias="next_expiry_at")
    next_expiry_credits: Optional[float] = Field(alias="next_expiry_credits")
    monthly_allowance: Optional[float] = Field(alias="monthly_allowance")
    period_ends_at: Optional[datetime.datetime] = Field(alias="period_ends_at")

class PublicPublicProject(BaseModel):
    project_id: Optional[uuid.UUID] = Field(alias="project_id")
    name: Optional[str] = Field(alias="name")
    description: Optional[str] = Field(alias="description")
    username: Optional[str] = Field(alias="username")
    avatar_url: Optional[str] = Field(alias="avatar_url")
    created_at: Optional[datetime.datetime] = Field(alias="created_at")

class PublicSharedProject(BaseModel):
    name: Optional[str] = Field(alias="name")
    description: Optional[str] = Field(alias="description")
    username: Optional[str] = Field(alias="username")
    avatar_url: Optional[str] = Field(alias="avatar_url")
    created_at: Optional[datetime.datetime] = Field(alias="created_at")
    results: Optional[JsonValue] = Field(alias="results")

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
    provider_state: Optional[JsonValue] = Field(alias="provider_state")
    previous_outcome: Optional[str] = Field(alias="previous_outcome")
    has_lost_inputs: Optional[bool] = Field(alias="has_lost_inputs")
    queued_at: Optional[datetime.datetime] = Field(alias="queued_at")
    deadline_at: Optional[datetime.datetime] = Field(alias="deadline_at")
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
