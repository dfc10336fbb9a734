
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[]

export type Database = {
  
  "public": {
          Tables: {
            "assets": {
                  Row: {
                    "bucket": string,"created_at": string,"duration_ms": number | null,"height": number | null,"hidden_at": string | null,"id": string,"kind": Database["public"]['Enums']["asset_kind"],"mime_type": string,"project_id": string | null,"sha256": string | null,"size_bytes": number,"storage_path": string,"style": string | null,"thumbnail_id": string | null,"updated_at": string,"user_id": string,"width": number | null
                  }
                  ComputedFields: never
                  Insert: {
                    "bucket": string,"created_at"?: string,"duration_ms"?: number | null,"height"?: number | null,"hidden_at"?: string | null,"id"?: string,"kind": Database["public"]['Enums']["asset_kind"],"mime_type": string,"project_id"?: string | null,"sha256"?: string | null,"size_bytes": number,"storage_path": string,"style"?: string | null,"thumbnail_id"?: string | null,"updated_at"?: string,"user_id"?: string,"width"?: number | null
                  }
                  Update: {
                    "bucket"?: string,"created_at"?: string,"duration_ms"?: number | null,"height"?: number | null,"hidden_at"?: string | null,"id"?: string,"kind"?: Database["public"]['Enums']["asset_kind"],"mime_type"?: string,"project_id"?: string | null,"sha256"?: string | null,"size_bytes"?: number,"storage_path"?: string,"style"?: string | null,"thumbnail_id"?: string | null,"updated_at"?: string,"user_id"?: string,"width"?: number | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "assets_project_is_the_owners"
      columns: ["project_id","user_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "assets_thumbnail_is_the_owners"
      columns: ["thumbnail_id","user_id"]
isOneToOne: false
      referencedRelation: "assets"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "assets_thumbnail_is_the_owners"
      columns: ["thumbnail_id","user_id"]
isOneToOne: false
      referencedRelation: "images"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "assets_thumbnail_is_the_owners"
      columns: ["thumbnail_id","user_id"]
isOneToOne: false
      referencedRelation: "videos"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "assets_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "assets_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"brand_guidelines": {
                  Row: {
                    "brand_name": string,"color_palette": (string)[],"created_at": string,"do_list": (string)[],"dont_list": (string)[],"fonts": string | null,"id": string,"tone_of_voice": (string)[],"updated_at": string,"user_id": string,"values": (string)[],"visual_style": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "brand_name": string,"color_palette"?: (string)[],"created_at"?: string,"do_list"?: (string)[],"dont_list"?: (string)[],"fonts"?: string | null,"id"?: string,"tone_of_voice"?: (string)[],"updated_at"?: string,"user_id"?: string,"values"?: (string)[],"visual_style"?: string | null
                  }
                  Update: {
                    "brand_name"?: string,"color_palette"?: (string)[],"created_at"?: string,"do_list"?: (string)[],"dont_list"?: (string)[],"fonts"?: string | null,"id"?: string,"tone_of_voice"?: (string)[],"updated_at"?: string,"user_id"?: string,"values"?: (string)[],"visual_style"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "brand_guidelines_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "brand_guidelines_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"campaigns": {
                  Row: {
                    "brand_guidelines_id": string | null,"completed_at": string | null,"completed_videos": number,"concepts": NonNullable<Json>,"created_at": string,"description": string | null,"id": string,"name": string,"platform": (string)[],"status": Database["public"]['Enums']["campaign_status"],"target_audience": string | null,"total_videos": number,"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "brand_guidelines_id"?: string | null,"completed_at"?: string | null,"completed_videos"?: number,"concepts"?: NonNullable<Json>,"created_at"?: string,"description"?: string | null,"id"?: string,"name": string,"platform"?: (string)[],"status"?: Database["public"]['Enums']["campaign_status"],"target_audience"?: string | null,"total_videos"?: number,"updated_at"?: string,"user_id"?: string
                  }
                  Update: {
                    "brand_guidelines_id"?: string | null,"completed_at"?: string | null,"completed_videos"?: number,"concepts"?: NonNullable<Json>,"created_at"?: string,"description"?: string | null,"id"?: string,"name"?: string,"platform"?: (string)[],"status"?: Database["public"]['Enums']["campaign_status"],"target_audience"?: string | null,"total_videos"?: number,"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "campaigns_brand_is_the_owners"
      columns: ["brand_guidelines_id","user_id"]
isOneToOne: false
      referencedRelation: "brand_guidelines"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "campaigns_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "campaigns_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"character_reference_images": {
                  Row: {
                    "asset_id": string,"character_id": string,"created_at": string,"position": number,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "asset_id": string,"character_id": string,"created_at"?: string,"position": number,"user_id"?: string
                  }
                  Update: {
                    "asset_id"?: string,"character_id"?: string,"created_at"?: string,"position"?: number,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "character_reference_images_asset_is_the_owners"
      columns: ["asset_id","user_id"]
isOneToOne: false
      referencedRelation: "assets"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "character_reference_images_asset_is_the_owners"
      columns: ["asset_id","user_id"]
isOneToOne: false
      referencedRelation: "images"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "character_reference_images_asset_is_the_owners"
      columns: ["asset_id","user_id"]
isOneToOne: false
      referencedRelation: "videos"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "character_reference_images_character_is_the_owners"
      columns: ["character_id","user_id"]
isOneToOne: false
      referencedRelation: "characters"
      referencedColumns: ["id","user_id"]
    }
                  ]
                },"characters": {
                  Row: {
                    "art_style": string,"created_at": string,"description": string | null,"final_image_id": string | null,"id": string,"job_id": string | null,"message": string | null,"model": string | null,"name": string | null,"project_id": string | null,"sprite_sheet_id": string | null,"success": boolean,"updated_at": string,"user_id": string,"visual_prompt": string,"credit_transaction_id": string | null,"credits_used": number | null,"is_refunded": boolean | null
                  }
                  ComputedFields: "credit_transaction_id" | "credits_used" | "is_refunded"
                  Insert: {
                    "art_style"?: string,"created_at"?: string,"description"?: string | null,"final_image_id"?: string | null,"id"?: string,"job_id"?: string | null,"message"?: string | null,"model"?: string | null,"name"?: string | null,"project_id"?: string | null,"sprite_sheet_id"?: string | null,"success"?: boolean,"updated_at"?: string,"user_id"?: string,"visual_prompt": string
                  }
                  Update: {
                    "art_style"?: string,"created_at"?: string,"description"?: string | null,"final_image_id"?: string | null,"id"?: string,"job_id"?: string | null,"message"?: string | null,"model"?: string | null,"name"?: string | null,"project_id"?: string | null,"sprite_sheet_id"?: string | null,"success"?: boolean,"updated_at"?: string,"user_id"?: string,"visual_prompt"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "characters_final_image_is_the_owners"
      columns: ["final_image_id","user_id"]
isOneToOne: false
      referencedRelation: "assets"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "characters_final_image_is_the_owners"
      columns: ["final_image_id","user_id"]
isOneToOne: false
      referencedRelation: "images"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "characters_final_image_is_the_owners"
      columns: ["final_image_id","user_id"]
isOneToOne: false
      referencedRelation: "videos"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "characters_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_images"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "characters_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_videos"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "characters_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_voiceovers"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "characters_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generation_jobs"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "characters_project_is_the_owners"
      columns: ["project_id","user_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "characters_sprite_sheet_is_the_owners"
      columns: ["sprite_sheet_id","user_id"]
isOneToOne: false
      referencedRelation: "assets"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "characters_sprite_sheet_is_the_owners"
      columns: ["sprite_sheet_id","user_id"]
isOneToOne: false
      referencedRelation: "images"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "characters_sprite_sheet_is_the_owners"
      columns: ["sprite_sheet_id","user_id"]
isOneToOne: false
      referencedRelation: "videos"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "characters_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "characters_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"content_summaries": {
                  Row: {
                    "created_at": string,"id": string,"job_id": string | null,"original_content": string,"project_id": string | null,"summary": string,"updated_at": string,"user_id": string,"user_input": string,"credit_transaction_id": string | null,"credits_used": number | null,"is_refunded": boolean | null
                  }
                  ComputedFields: "credit_transaction_id" | "credits_used" | "is_refunded"
                  Insert: {
                    "created_at"?: string,"id"?: string,"job_id"?: string | null,"original_content": string,"project_id"?: string | null,"summary": string,"updated_at"?: string,"user_id"?: string,"user_input"?: string
                  }
                  Update: {
                    "created_at"?: string,"id"?: string,"job_id"?: string | null,"original_content"?: string,"project_id"?: string | null,"summary"?: string,"updated_at"?: string,"user_id"?: string,"user_input"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "content_summaries_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_images"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "content_summaries_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_videos"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "content_summaries_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_voiceovers"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "content_summaries_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generation_jobs"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "content_summaries_project_is_the_owners"
      columns: ["project_id","user_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "content_summaries_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "content_summaries_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"conversations": {
                  Row: {
                    "created_at": string,"id": string,"metadata": NonNullable<Json>,"project_id": string | null,"response": string,"type": Database["public"]['Enums']["conversation_type"],"user_id": string,"user_input": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"id"?: string,"metadata"?: NonNullable<Json>,"project_id"?: string | null,"response": string,"type": Database["public"]['Enums']["conversation_type"],"user_id"?: string,"user_input": string
                  }
                  Update: {
                    "created_at"?: string,"id"?: string,"metadata"?: NonNullable<Json>,"project_id"?: string | null,"response"?: string,"type"?: Database["public"]['Enums']["conversation_type"],"user_id"?: string,"user_input"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "conversations_project_is_the_owners"
      columns: ["project_id","user_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "conversations_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "conversations_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"credit_accounts": {
                  Row: {
                    "balance": number,"created_at": string,"debt": number,"last_transaction_at": string | null,"lifetime_earned": number,"lifetime_spent": number,"monthly_allowance": number,"period_ends_at": string | null,"period_started_at": string | null,"realtime_id": string,"updated_at": string,"user_id": string,"version": number
                  }
                  ComputedFields: never
                  Insert: {
                    "balance"?: number,"created_at"?: string,"debt"?: number,"last_transaction_at"?: string | null,"lifetime_earned"?: number,"lifetime_spent"?: number,"monthly_allowance"?: number,"period_ends_at"?: string | null,"period_started_at"?: string | null,"realtime_id"?: string,"updated_at"?: string,"user_id": string,"version"?: number
                  }
                  Update: {
                    "balance"?: number,"created_at"?: string,"debt"?: number,"last_transaction_at"?: string | null,"lifetime_earned"?: number,"lifetime_spent"?: number,"monthly_allowance"?: number,"period_ends_at"?: string | null,"period_started_at"?: string | null,"realtime_id"?: string,"updated_at"?: string,"user_id"?: string,"version"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "credit_accounts_user_id_fkey"
      columns: ["user_id"]
isOneToOne: true
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "credit_accounts_user_id_fkey"
      columns: ["user_id"]
isOneToOne: true
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"credit_allocations": {
                  Row: {
                    "amount": number,"grant_id": string,"transaction_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "amount": number,"grant_id": string,"transaction_id": string
                  }
                  Update: {
                    "amount"?: number,"grant_id"?: string,"transaction_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "credit_allocations_grant_id_fkey"
      columns: ["grant_id"]
isOneToOne: false
      referencedRelation: "credit_grants"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "credit_allocations_transaction_id_fkey"
      columns: ["transaction_id"]
isOneToOne: false
      referencedRelation: "credit_statement"
      referencedColumns: ["transaction_id"]
    },{
      foreignKeyName: "credit_allocations_transaction_id_fkey"
      columns: ["transaction_id"]
isOneToOne: false
      referencedRelation: "credit_transactions"
      referencedColumns: ["id"]
    }
                  ]
                },"credit_grants": {
                  Row: {
                    "amount": number,"created_at": string,"expires_at": string | null,"id": string,"is_spent": boolean,"kind": Database["public"]['Enums']["credit_grant_kind"],"priority": number,"remaining": number,"replaces_id": string | null,"source_key": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "amount": number,"created_at"?: string,"expires_at"?: string | null,"id"?: string,"is_spent"?: never,"kind": Database["public"]['Enums']["credit_grant_kind"],"priority"?: number,"remaining": number,"replaces_id"?: string | null,"source_key": string,"user_id": string
                  }
                  Update: {
                    "amount"?: number,"created_at"?: string,"expires_at"?: string | null,"id"?: string,"is_spent"?: never,"kind"?: Database["public"]['Enums']["credit_grant_kind"],"priority"?: number,"remaining"?: number,"replaces_id"?: string | null,"source_key"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "credit_grants_replaces_id_fkey"
      columns: ["replaces_id"]
isOneToOne: false
      referencedRelation: "credit_grants"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "credit_grants_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "credit_grants_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"credit_packages": {
                  Row: {
                    "created_at": string,"credits": number,"currency": string,"discount_percent": number,"id": string,"is_active": boolean,"name": string,"price": number | null,"price_minor": number,"slug": string,"sort_order": number,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"credits": number,"currency": string,"discount_percent"?: number,"id"?: string,"is_active"?: boolean,"name": string,"price"?: never,"price_minor": number,"slug": string,"sort_order"?: number,"updated_at"?: string
                  }
                  Update: {
                    "created_at"?: string,"credits"?: number,"currency"?: string,"discount_percent"?: number,"id"?: string,"is_active"?: boolean,"name"?: string,"price"?: never,"price_minor"?: number,"slug"?: string,"sort_order"?: number,"updated_at"?: string
                  }
                  Relationships: [
                    
                  ]
                },"credit_transactions": {
                  Row: {
                    "amount": number,"balance_after": number,"created_at": string,"description": string | null,"id": string,"idempotency_key": string | null,"is_edit_call": boolean,"job_id": string | null,"metadata": NonNullable<Json>,"model_id": string | null,"operation_type": Database["public"]['Enums']["generation_kind"] | null,"payment_id": string | null,"processed_at": string | null,"reverses_id": string | null,"status": Database["public"]['Enums']["transaction_status"],"type": Database["public"]['Enums']["transaction_type"],"user_id": string,"version": number
                  }
                  ComputedFields: never
                  Insert: {
                    "amount": number,"balance_after": number,"created_at"?: string,"description"?: string | null,"id"?: string,"idempotency_key"?: string | null,"is_edit_call"?: boolean,"job_id"?: string | null,"metadata"?: NonNullable<Json>,"model_id"?: string | null,"operation_type"?: Database["public"]['Enums']["generation_kind"] | null,"payment_id"?: string | null,"processed_at"?: string | null,"reverses_id"?: string | null,"status"?: Database["public"]['Enums']["transaction_status"],"type": Database["public"]['Enums']["transaction_type"],"user_id": string,"version": number
                  }
                  Update: {
                    "amount"?: number,"balance_after"?: number,"created_at"?: string,"description"?: string | null,"id"?: string,"idempotency_key"?: string | null,"is_edit_call"?: boolean,"job_id"?: string | null,"metadata"?: NonNullable<Json>,"model_id"?: string | null,"operation_type"?: Database["public"]['Enums']["generation_kind"] | null,"payment_id"?: string | null,"processed_at"?: string | null,"reverses_id"?: string | null,"status"?: Database["public"]['Enums']["transaction_status"],"type"?: Database["public"]['Enums']["transaction_type"],"user_id"?: string,"version"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "credit_transactions_job_id_fkey"
      columns: ["job_id"]
isOneToOne: false
      referencedRelation: "generated_images"
      referencedColumns: ["job_id"]
    },{
      foreignKeyName: "credit_transactions_job_id_fkey"
      columns: ["job_id"]
isOneToOne: false
      referencedRelation: "generated_videos"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "credit_transactions_job_id_fkey"
      columns: ["job_id"]
isOneToOne: false
      referencedRelation: "generated_voiceovers"
      referencedColumns: ["job_id"]
    },{
      foreignKeyName: "credit_transactions_job_id_fkey"
      columns: ["job_id"]
isOneToOne: false
      referencedRelation: "generation_jobs"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "credit_transactions_payment_is_the_owners"
      columns: ["payment_id","user_id"]
isOneToOne: false
      referencedRelation: "payments"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "credit_transactions_reverses_id_fkey"
      columns: ["reverses_id"]
isOneToOne: false
      referencedRelation: "credit_statement"
      referencedColumns: ["transaction_id"]
    },{
      foreignKeyName: "credit_transactions_reverses_id_fkey"
      columns: ["reverses_id"]
isOneToOne: false
      referencedRelation: "credit_transactions"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "credit_transactions_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "credit_transactions_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"feedback": {
                  Row: {
                    "comment": string | null,"created_at": string,"id": string,"job_id": string,"rating": number,"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "comment"?: string | null,"created_at"?: string,"id"?: string,"job_id": string,"rating": number,"updated_at"?: string,"user_id"?: string
                  }
                  Update: {
                    "comment"?: string | null,"created_at"?: string,"id"?: string,"job_id"?: string,"rating"?: number,"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "feedback_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: true
      referencedRelation: "generated_images"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "feedback_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: true
      referencedRelation: "generated_videos"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "feedback_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: true
      referencedRelation: "generated_voiceovers"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "feedback_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: true
      referencedRelation: "generation_jobs"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "feedback_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "feedback_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"generation_jobs": {
                  Row: {
                    "art_style": string | null,"aspect_ratio": string | null,"attempt_count": number,"audio_instructions": string | null,"campaign_id": string | null,"created_at": string,"credit_cost": number,"credit_transaction_id": string | null,"duration_seconds": number | null,"error_code": string | null,"error_message": string | null,"finished_at": string | null,"has_lost_inputs": boolean,"hidden_at": string | null,"id": string,"idempotency_key": string | null,"is_edit_call": boolean,"is_refunded": boolean,"kind": Database["public"]['Enums']["generation_kind"],"max_attempts": number,"mode": Database["public"]['Enums']["generation_mode"],"model_id": string,"negative_prompt": string | null,"output_count": number,"parameters": NonNullable<Json>,"parent_job_id": string | null,"priority": number,"progress": number,"project_id": string | null,"prompt": string,"provider": string,"provider_job_id": string | null,"purged_at": string | null,"queued_at": string | null,"resolution": string | null,"started_at": string | null,"status": Database["public"]['Enums']["job_status"],"storyboard_id": string | null,"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "art_style"?: string | null,"aspect_ratio"?: string | null,"attempt_count"?: number,"audio_instructions"?: string | null,"campaign_id"?: string | null,"created_at"?: string,"credit_cost": number,"credit_transaction_id"?: string | null,"duration_seconds"?: number | null,"error_code"?: string | null,"error_message"?: string | null,"finished_at"?: string | null,"has_lost_inputs"?: boolean,"hidden_at"?: string | null,"id"?: string,"idempotency_key"?: string | null,"is_edit_call"?: boolean,"is_refunded"?: boolean,"kind": Database["public"]['Enums']["generation_kind"],"max_attempts"?: number,"mode"?: Database["public"]['Enums']["generation_mode"],"model_id": string,"negative_prompt"?: string | null,"output_count"?: number,"parameters"?: NonNullable<Json>,"parent_job_id"?: string | null,"priority"?: number,"progress"?: number,"project_id"?: string | null,"prompt": string,"provider": string,"provider_job_id"?: string | null,"purged_at"?: string | null,"queued_at"?: string | null,"resolution"?: string | null,"started_at"?: string | null,"status"?: Database["public"]['Enums']["job_status"],"storyboard_id"?: string | null,"updated_at"?: string,"user_id"?: string
                  }
                  Update: {
                    "art_style"?: string | null,"aspect_ratio"?: string | null,"attempt_count"?: number,"audio_instructions"?: string | null,"campaign_id"?: string | null,"created_at"?: string,"credit_cost"?: number,"credit_transaction_id"?: string | null,"duration_seconds"?: number | null,"error_code"?: string | null,"error_message"?: string | null,"finished_at"?: string | null,"has_lost_inputs"?: boolean,"hidden_at"?: string | null,"id"?: string,"idempotency_key"?: string | null,"is_edit_call"?: boolean,"is_refunded"?: boolean,"kind"?: Database["public"]['Enums']["generation_kind"],"max_attempts"?: number,"mode"?: Database["public"]['Enums']["generation_mode"],"model_id"?: string,"negative_prompt"?: string | null,"output_count"?: number,"parameters"?: NonNullable<Json>,"parent_job_id"?: string | null,"priority"?: number,"progress"?: number,"project_id"?: string | null,"prompt"?: string,"provider"?: string,"provider_job_id"?: string | null,"purged_at"?: string | null,"queued_at"?: string | null,"resolution"?: string | null,"started_at"?: string | null,"status"?: Database["public"]['Enums']["job_status"],"storyboard_id"?: string | null,"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "generation_jobs_campaign_is_the_owners"
      columns: ["campaign_id","user_id"]
isOneToOne: false
      referencedRelation: "campaigns"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "generation_jobs_model_id_fkey"
      columns: ["model_id"]
isOneToOne: false
      referencedRelation: "models"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "generation_jobs_parent_is_the_owners"
      columns: ["parent_job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_images"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "generation_jobs_parent_is_the_owners"
      columns: ["parent_job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_videos"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "generation_jobs_parent_is_the_owners"
      columns: ["parent_job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_voiceovers"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "generation_jobs_parent_is_the_owners"
      columns: ["parent_job_id","user_id"]
isOneToOne: false
      referencedRelation: "generation_jobs"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "generation_jobs_project_is_the_owners"
      columns: ["project_id","user_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "generation_jobs_storyboard_is_the_owners"
      columns: ["storyboard_id","user_id"]
isOneToOne: false
      referencedRelation: "storyboard_sequences"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "generation_jobs_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "generation_jobs_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"job_assets": {
                  Row: {
                    "asset_id": string,"created_at": string,"job_id": string,"position": number,"role": Database["public"]['Enums']["asset_role"],"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "asset_id": string,"created_at"?: string,"job_id": string,"position"?: number,"role": Database["public"]['Enums']["asset_role"],"user_id"?: string
                  }
                  Update: {
                    "asset_id"?: string,"created_at"?: string,"job_id"?: string,"position"?: number,"role"?: Database["public"]['Enums']["asset_role"],"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "job_assets_asset_is_the_owners"
      columns: ["asset_id","user_id"]
isOneToOne: false
      referencedRelation: "assets"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "job_assets_asset_is_the_owners"
      columns: ["asset_id","user_id"]
isOneToOne: false
      referencedRelation: "images"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "job_assets_asset_is_the_owners"
      columns: ["asset_id","user_id"]
isOneToOne: false
      referencedRelation: "videos"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "job_assets_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_images"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "job_assets_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_videos"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "job_assets_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_voiceovers"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "job_assets_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generation_jobs"
      referencedColumns: ["id","user_id"]
    }
                  ]
                },"job_dependencies": {
                  Row: {
                    "depends_on_job_id": string,"job_id": string,"position": number,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "depends_on_job_id": string,"job_id": string,"position"?: number,"user_id": string
                  }
                  Update: {
                    "depends_on_job_id"?: string,"job_id"?: string,"position"?: number,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "job_dependencies_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_images"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "job_dependencies_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_videos"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "job_dependencies_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_voiceovers"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "job_dependencies_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generation_jobs"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "job_dependencies_parent_is_the_owners"
      columns: ["depends_on_job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_images"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "job_dependencies_parent_is_the_owners"
      columns: ["depends_on_job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_videos"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "job_dependencies_parent_is_the_owners"
      columns: ["depends_on_job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_voiceovers"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "job_dependencies_parent_is_the_owners"
      columns: ["depends_on_job_id","user_id"]
isOneToOne: false
      referencedRelation: "generation_jobs"
      referencedColumns: ["id","user_id"]
    }
                  ]
                },"job_events": {
                  Row: {
                    "actor": Database["public"]['Enums']["job_actor"],"created_at": string,"from_status": Database["public"]['Enums']["job_status"] | null,"id": number,"job_id": string,"note": string | null,"to_status": Database["public"]['Enums']["job_status"],"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "actor": Database["public"]['Enums']["job_actor"],"created_at"?: string,"from_status"?: Database["public"]['Enums']["job_status"] | null,"id"?: never,"job_id": string,"note"?: string | null,"to_status": Database["public"]['Enums']["job_status"],"user_id": string
                  }
                  Update: {
                    "actor"?: Database["public"]['Enums']["job_actor"],"created_at"?: string,"from_status"?: Database["public"]['Enums']["job_status"] | null,"id"?: never,"job_id"?: string,"note"?: string | null,"to_status"?: Database["public"]['Enums']["job_status"],"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "job_events_job_fkey"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_images"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "job_events_job_fkey"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_videos"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "job_events_job_fkey"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_voiceovers"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "job_events_job_fkey"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generation_jobs"
      referencedColumns: ["id","user_id"]
    }
                  ]
                },"model_prices": {
                  Row: {
                    "created_at": string,"credits": number,"edit_credits": number | null,"kind": Database["public"]['Enums']["generation_kind"],"minimum": number,"mode": Database["public"]['Enums']["generation_mode"],"model_id": string,"unit": Database["public"]['Enums']["price_unit"],"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"credits": number,"edit_credits"?: number | null,"kind": Database["public"]['Enums']["generation_kind"],"minimum"?: number,"mode": Database["public"]['Enums']["generation_mode"],"model_id": string,"unit": Database["public"]['Enums']["price_unit"],"updated_at"?: string
                  }
                  Update: {
                    "created_at"?: string,"credits"?: number,"edit_credits"?: number | null,"kind"?: Database["public"]['Enums']["generation_kind"],"minimum"?: number,"mode"?: Database["public"]['Enums']["generation_mode"],"model_id"?: string,"unit"?: Database["public"]['Enums']["price_unit"],"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "model_prices_model_id_fkey"
      columns: ["model_id"]
isOneToOne: false
      referencedRelation: "models"
      referencedColumns: ["id"]
    }
                  ]
                },"models": {
                  Row: {
                    "allowed_seconds": (number)[],"aspect_ratios": (string)[],"created_at": string,"default_seconds": number | null,"description": string | null,"display_name": string,"id": string,"is_active": boolean,"kinds": (Database["public"]['Enums']["generation_kind"])[],"max_outputs": number,"max_prompt_characters": number,"max_reference_images": number,"max_seconds": number | null,"min_seconds": number | null,"modes": (Database["public"]['Enums']["generation_mode"])[],"parameters": Json | null,"provider": string,"provider_model": string,"required_inputs": NonNullable<Json>,"resolutions": (string)[],"sort_order": number,"updated_at": string,"version": string
                  }
                  ComputedFields: never
                  Insert: {
                    "allowed_seconds"?: (number)[],"aspect_ratios"?: (string)[],"created_at"?: string,"default_seconds"?: number | null,"description"?: string | null,"display_name": string,"id": string,"is_active"?: boolean,"kinds": (Database["public"]['Enums']["generation_kind"])[],"max_outputs"?: number,"max_prompt_characters"?: number,"max_reference_images"?: number,"max_seconds"?: number | null,"min_seconds"?: number | null,"modes": (Database["public"]['Enums']["generation_mode"])[],"parameters"?: Json | null,"provider": string,"provider_model": string,"required_inputs"?: NonNullable<Json>,"resolutions"?: (string)[],"sort_order"?: number,"updated_at"?: string,"version"?: string
                  }
                  Update: {
                    "allowed_seconds"?: (number)[],"aspect_ratios"?: (string)[],"created_at"?: string,"default_seconds"?: number | null,"description"?: string | null,"display_name"?: string,"id"?: string,"is_active"?: boolean,"kinds"?: (Database["public"]['Enums']["generation_kind"])[],"max_outputs"?: number,"max_prompt_characters"?: number,"max_reference_images"?: number,"max_seconds"?: number | null,"min_seconds"?: number | null,"modes"?: (Database["public"]['Enums']["generation_mode"])[],"parameters"?: Json | null,"provider"?: string,"provider_model"?: string,"required_inputs"?: NonNullable<Json>,"resolutions"?: (string)[],"sort_order"?: number,"updated_at"?: string,"version"?: string
                  }
                  Relationships: [
                    
                  ]
                },"payments": {
                  Row: {
                    "amount_minor": number,"charged_back_minor": number,"created_at": string,"credits": number,"credits_owed": number,"currency": string,"expires_at": string | null,"failure_reason": string | null,"id": string,"idempotency_key": string | null,"method": Database["public"]['Enums']["payment_method"] | null,"package_id": string | null,"provider": Database["public"]['Enums']["payment_provider"],"provider_reference": string | null,"receipt_url": string | null,"refunded_minor": number,"status": Database["public"]['Enums']["payment_status"],"subscription_id": string | null,"succeeded_at": string | null,"tier": Database["public"]['Enums']["subscription_tier"] | null,"transaction_id": string | null,"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "amount_minor": number,"charged_back_minor"?: number,"created_at"?: string,"credits": number,"credits_owed"?: number,"currency": string,"expires_at"?: string | null,"failure_reason"?: string | null,"id"?: string,"idempotency_key"?: string | null,"method"?: Database["public"]['Enums']["payment_method"] | null,"package_id"?: string | null,"provider": Database["public"]['Enums']["payment_provider"],"provider_reference"?: string | null,"receipt_url"?: string | null,"refunded_minor"?: number,"status"?: Database["public"]['Enums']["payment_status"],"subscription_id"?: string | null,"succeeded_at"?: string | null,"tier"?: Database["public"]['Enums']["subscription_tier"] | null,"transaction_id"?: string | null,"updated_at"?: string,"user_id": string
                  }
                  Update: {
                    "amount_minor"?: number,"charged_back_minor"?: number,"created_at"?: string,"credits"?: number,"credits_owed"?: number,"currency"?: string,"expires_at"?: string | null,"failure_reason"?: string | null,"id"?: string,"idempotency_key"?: string | null,"method"?: Database["public"]['Enums']["payment_method"] | null,"package_id"?: string | null,"provider"?: Database["public"]['Enums']["payment_provider"],"provider_reference"?: string | null,"receipt_url"?: string | null,"refunded_minor"?: number,"status"?: Database["public"]['Enums']["payment_status"],"subscription_id"?: string | null,"succeeded_at"?: string | null,"tier"?: Database["public"]['Enums']["subscription_tier"] | null,"transaction_id"?: string | null,"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "payments_package_id_fkey"
      columns: ["package_id"]
isOneToOne: false
      referencedRelation: "credit_packages"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "payments_subscription_is_the_payers"
      columns: ["subscription_id","user_id"]
isOneToOne: false
      referencedRelation: "subscriptions"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "payments_tier_fkey"
      columns: ["tier"]
isOneToOne: false
      referencedRelation: "subscription_plans"
      referencedColumns: ["tier"]
    },{
      foreignKeyName: "payments_transaction_id_fkey"
      columns: ["transaction_id"]
isOneToOne: false
      referencedRelation: "credit_statement"
      referencedColumns: ["transaction_id"]
    },{
      foreignKeyName: "payments_transaction_id_fkey"
      columns: ["transaction_id"]
isOneToOne: false
      referencedRelation: "credit_transactions"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "payments_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "payments_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"performance_metrics": {
                  Row: {
                    "actual_engagement": NonNullable<Json>,"brand_compliance": number | null,"character_id": string | null,"created_at": string,"id": string,"improvements": NonNullable<Json>,"job_id": string | null,"platform": string | null,"predicted_score": number | null,"prompt": string | null,"quality_score": number | null,"style_consistency": number | null,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "actual_engagement"?: NonNullable<Json>,"brand_compliance"?: number | null,"character_id"?: string | null,"created_at"?: string,"id"?: string,"improvements"?: NonNullable<Json>,"job_id"?: string | null,"platform"?: string | null,"predicted_score"?: number | null,"prompt"?: string | null,"quality_score"?: number | null,"style_consistency"?: number | null,"user_id"?: string
                  }
                  Update: {
                    "actual_engagement"?: NonNullable<Json>,"brand_compliance"?: number | null,"character_id"?: string | null,"created_at"?: string,"id"?: string,"improvements"?: NonNullable<Json>,"job_id"?: string | null,"platform"?: string | null,"predicted_score"?: number | null,"prompt"?: string | null,"quality_score"?: number | null,"style_consistency"?: number | null,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "performance_metrics_character_is_the_owners"
      columns: ["character_id","user_id"]
isOneToOne: false
      referencedRelation: "characters"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "performance_metrics_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_images"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "performance_metrics_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_videos"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "performance_metrics_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_voiceovers"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "performance_metrics_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generation_jobs"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "performance_metrics_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "performance_metrics_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"platform_configurations": {
                  Row: {
                    "aspect_ratio": string | null,"character_preferences": NonNullable<Json>,"created_at": string,"id": string,"platform": string,"preferred_style": NonNullable<Json>,"prompt_templates": NonNullable<Json>,"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "aspect_ratio"?: string | null,"character_preferences"?: NonNullable<Json>,"created_at"?: string,"id"?: string,"platform": string,"preferred_style"?: NonNullable<Json>,"prompt_templates"?: NonNullable<Json>,"updated_at"?: string,"user_id"?: string
                  }
                  Update: {
                    "aspect_ratio"?: string | null,"character_preferences"?: NonNullable<Json>,"created_at"?: string,"id"?: string,"platform"?: string,"preferred_style"?: NonNullable<Json>,"prompt_templates"?: NonNullable<Json>,"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "platform_configurations_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "platform_configurations_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"profiles": {
                  Row: {
                    "avatar_url": string | null,"created_at": string,"deleted_at": string | null,"email": string | null,"first_name": string | null,"full_name": string | null,"last_login_at": string | null,"last_name": string | null,"subscription_tier": Database["public"]['Enums']["subscription_tier"],"updated_at": string,"user_id": string,"username": string
                  }
                  ComputedFields: never
                  Insert: {
                    "avatar_url"?: string | null,"created_at"?: string,"deleted_at"?: string | null,"email"?: string | null,"first_name"?: string | null,"full_name"?: string | null,"last_login_at"?: string | null,"last_name"?: string | null,"subscription_tier"?: Database["public"]['Enums']["subscription_tier"],"updated_at"?: string,"user_id": string,"username": string
                  }
                  Update: {
                    "avatar_url"?: string | null,"created_at"?: string,"deleted_at"?: string | null,"email"?: string | null,"first_name"?: string | null,"full_name"?: string | null,"last_login_at"?: string | null,"last_name"?: string | null,"subscription_tier"?: Database["public"]['Enums']["subscription_tier"],"updated_at"?: string,"user_id"?: string,"username"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "profiles_subscription_tier_fkey"
      columns: ["subscription_tier"]
isOneToOne: false
      referencedRelation: "subscription_plans"
      referencedColumns: ["tier"]
    }
                  ]
                },"projects": {
                  Row: {
                    "created_at": string,"deleted_at": string | null,"description": string | null,"id": string,"is_public": boolean,"name": string,"share_token": string | null,"show_prompts": boolean,"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"deleted_at"?: string | null,"description"?: string | null,"id"?: string,"is_public"?: boolean,"name": string,"share_token"?: string | null,"show_prompts"?: boolean,"updated_at"?: string,"user_id"?: string
                  }
                  Update: {
                    "created_at"?: string,"deleted_at"?: string | null,"description"?: string | null,"id"?: string,"is_public"?: boolean,"name"?: string,"share_token"?: string | null,"show_prompts"?: boolean,"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "projects_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "projects_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"prompt_templates": {
                  Row: {
                    "created_at": string,"description": string | null,"id": string,"is_active": boolean,"is_favorite": boolean,"kind": Database["public"]['Enums']["generation_kind"] | null,"mode": Database["public"]['Enums']["generation_mode"] | null,"name": string,"prompt": string,"sort_order": number,"tags": (string)[],"updated_at": string,"user_id": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"description"?: string | null,"id"?: string,"is_active"?: boolean,"is_favorite"?: boolean,"kind"?: Database["public"]['Enums']["generation_kind"] | null,"mode"?: Database["public"]['Enums']["generation_mode"] | null,"name": string,"prompt": string,"sort_order"?: number,"tags"?: (string)[],"updated_at"?: string,"user_id"?: string | null
                  }
                  Update: {
                    "created_at"?: string,"description"?: string | null,"id"?: string,"is_active"?: boolean,"is_favorite"?: boolean,"kind"?: Database["public"]['Enums']["generation_kind"] | null,"mode"?: Database["public"]['Enums']["generation_mode"] | null,"name"?: string,"prompt"?: string,"sort_order"?: number,"tags"?: (string)[],"updated_at"?: string,"user_id"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "prompt_templates_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "prompt_templates_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"storyboard_sequences": {
                  Row: {
                    "campaign_id": string | null,"character_id": string | null,"created_at": string,"frames": NonNullable<Json>,"id": string,"name": string,"total_duration": number,"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "campaign_id"?: string | null,"character_id"?: string | null,"created_at"?: string,"frames"?: NonNullable<Json>,"id"?: string,"name": string,"total_duration"?: never,"updated_at"?: string,"user_id"?: string
                  }
                  Update: {
                    "campaign_id"?: string | null,"character_id"?: string | null,"created_at"?: string,"frames"?: NonNullable<Json>,"id"?: string,"name"?: string,"total_duration"?: never,"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "storyboard_sequences_campaign_is_the_owners"
      columns: ["campaign_id","user_id"]
isOneToOne: false
      referencedRelation: "campaigns"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "storyboard_sequences_character_is_the_owners"
      columns: ["character_id","user_id"]
isOneToOne: false
      referencedRelation: "characters"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "storyboard_sequences_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "storyboard_sequences_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"style_presets": {
                  Row: {
                    "character_id": string | null,"created_at": string,"id": string,"is_favorite": boolean,"name": string,"style_data": NonNullable<Json>,"tags": (string)[],"thumbnail_url": string | null,"updated_at": string,"usage_count": number,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "character_id"?: string | null,"created_at"?: string,"id"?: string,"is_favorite"?: boolean,"name": string,"style_data"?: NonNullable<Json>,"tags"?: (string)[],"thumbnail_url"?: string | null,"updated_at"?: string,"usage_count"?: number,"user_id"?: string
                  }
                  Update: {
                    "character_id"?: string | null,"created_at"?: string,"id"?: string,"is_favorite"?: boolean,"name"?: string,"style_data"?: NonNullable<Json>,"tags"?: (string)[],"thumbnail_url"?: string | null,"updated_at"?: string,"usage_count"?: number,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "style_presets_character_is_the_owners"
      columns: ["character_id","user_id"]
isOneToOne: false
      referencedRelation: "characters"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "style_presets_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "style_presets_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"subscription_plans": {
                  Row: {
                    "created_at": string,"currency": string,"description": string | null,"is_active": boolean,"job_priority": number,"max_active_jobs": number,"max_jobs_per_day": number | null,"max_rows": number,"max_running_jobs": number,"max_storage_bytes": number,"monthly_allowance": number,"name": string,"price_minor": number,"rollover_periods": number,"sort_order": number,"tier": Database["public"]['Enums']["subscription_tier"],"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"currency": string,"description"?: string | null,"is_active"?: boolean,"job_priority"?: number,"max_active_jobs": number,"max_jobs_per_day"?: number | null,"max_rows": number,"max_running_jobs": number,"max_storage_bytes": number,"monthly_allowance": number,"name": string,"price_minor": number,"rollover_periods"?: number,"sort_order"?: number,"tier": Database["public"]['Enums']["subscription_tier"],"updated_at"?: string
                  }
                  Update: {
                    "created_at"?: string,"currency"?: string,"description"?: string | null,"is_active"?: boolean,"job_priority"?: number,"max_active_jobs"?: number,"max_jobs_per_day"?: number | null,"max_rows"?: number,"max_running_jobs"?: number,"max_storage_bytes"?: number,"monthly_allowance"?: number,"name"?: string,"price_minor"?: number,"rollover_periods"?: number,"sort_order"?: number,"tier"?: Database["public"]['Enums']["subscription_tier"],"updated_at"?: string
                  }
                  Relationships: [
                    
                  ]
                },"subscriptions": {
                  Row: {
                    "cancel_at_period_end": boolean,"cancelled_at": string | null,"created_at": string,"current_period_ends_at": string,"current_period_started_at": string,"ended_at": string | null,"follow_at": string | null,"id": string,"is_final": boolean,"provider": Database["public"]['Enums']["payment_provider"] | null,"provider_reference": string | null,"status": Database["public"]['Enums']["subscription_status"],"tier": Database["public"]['Enums']["subscription_tier"],"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "cancel_at_period_end"?: boolean,"cancelled_at"?: string | null,"created_at"?: string,"current_period_ends_at": string,"current_period_started_at": string,"ended_at"?: string | null,"follow_at"?: string | null,"id"?: string,"is_final"?: boolean,"provider"?: Database["public"]['Enums']["payment_provider"] | null,"provider_reference"?: string | null,"status"?: Database["public"]['Enums']["subscription_status"],"tier": Database["public"]['Enums']["subscription_tier"],"updated_at"?: string,"user_id": string
                  }
                  Update: {
                    "cancel_at_period_end"?: boolean,"cancelled_at"?: string | null,"created_at"?: string,"current_period_ends_at"?: string,"current_period_started_at"?: string,"ended_at"?: string | null,"follow_at"?: string | null,"id"?: string,"is_final"?: boolean,"provider"?: Database["public"]['Enums']["payment_provider"] | null,"provider_reference"?: string | null,"status"?: Database["public"]['Enums']["subscription_status"],"tier"?: Database["public"]['Enums']["subscription_tier"],"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "subscriptions_tier_fkey"
      columns: ["tier"]
isOneToOne: false
      referencedRelation: "subscription_plans"
      referencedColumns: ["tier"]
    },{
      foreignKeyName: "subscriptions_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "subscriptions_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"tool_configurations": {
                  Row: {
                    "character_id": string | null,"configuration": NonNullable<Json>,"created_at": string,"id": string,"is_favorite": boolean,"tool_name": string,"updated_at": string,"usage_count": number,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "character_id"?: string | null,"configuration"?: NonNullable<Json>,"created_at"?: string,"id"?: string,"is_favorite"?: boolean,"tool_name": string,"updated_at"?: string,"usage_count"?: number,"user_id"?: string
                  }
                  Update: {
                    "character_id"?: string | null,"configuration"?: NonNullable<Json>,"created_at"?: string,"id"?: string,"is_favorite"?: boolean,"tool_name"?: string,"updated_at"?: string,"usage_count"?: number,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "tool_configurations_character_is_the_owners"
      columns: ["character_id","user_id"]
isOneToOne: false
      referencedRelation: "characters"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "tool_configurations_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "tool_configurations_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"tool_preset_chains": {
                  Row: {
                    "created_at": string,"description": string | null,"id": string,"is_favorite": boolean,"name": string,"tools": NonNullable<Json>,"updated_at": string,"usage_count": number,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"description"?: string | null,"id"?: string,"is_favorite"?: boolean,"name": string,"tools"?: NonNullable<Json>,"updated_at"?: string,"usage_count"?: number,"user_id"?: string
                  }
                  Update: {
                    "created_at"?: string,"description"?: string | null,"id"?: string,"is_favorite"?: boolean,"name"?: string,"tools"?: NonNullable<Json>,"updated_at"?: string,"usage_count"?: number,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "tool_preset_chains_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "tool_preset_chains_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"user_activity_logs": {
                  Row: {
                    "action": string,"by_server": boolean,"created_at": string,"details": NonNullable<Json>,"id": string,"ip_address": unknown,"user_agent": string | null,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "action": string,"by_server": boolean,"created_at"?: string,"details"?: NonNullable<Json>,"id"?: string,"ip_address"?: unknown,"user_agent"?: string | null,"user_id": string
                  }
                  Update: {
                    "action"?: string,"by_server"?: boolean,"created_at"?: string,"details"?: NonNullable<Json>,"id"?: string,"ip_address"?: unknown,"user_agent"?: string | null,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "user_activity_logs_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "user_activity_logs_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"user_preferences": {
                  Row: {
                    "created_at": string,"default_aspect_ratio": string | null,"default_duration_seconds": number | null,"default_kind": Database["public"]['Enums']["generation_kind"] | null,"default_mode": Database["public"]['Enums']["generation_mode"],"default_model_id": string | null,"default_resolution": string | null,"notification_settings": NonNullable<Json>,"ui_settings": NonNullable<Json>,"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"default_aspect_ratio"?: string | null,"default_duration_seconds"?: number | null,"default_kind"?: Database["public"]['Enums']["generation_kind"] | null,"default_mode"?: Database["public"]['Enums']["generation_mode"],"default_model_id"?: string | null,"default_resolution"?: string | null,"notification_settings"?: NonNullable<Json>,"ui_settings"?: NonNullable<Json>,"updated_at"?: string,"user_id": string
                  }
                  Update: {
                    "created_at"?: string,"default_aspect_ratio"?: string | null,"default_duration_seconds"?: number | null,"default_kind"?: Database["public"]['Enums']["generation_kind"] | null,"default_mode"?: Database["public"]['Enums']["generation_mode"],"default_model_id"?: string | null,"default_resolution"?: string | null,"notification_settings"?: NonNullable<Json>,"ui_settings"?: NonNullable<Json>,"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "user_preferences_user_id_fkey"
      columns: ["user_id"]
isOneToOne: true
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "user_preferences_user_id_fkey"
      columns: ["user_id"]
isOneToOne: true
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"user_prompts": {
                  Row: {
                    "audio_input": string | null,"created_at": string,"id": string,"job_id": string | null,"mode": Database["public"]['Enums']["generation_mode"],"prompt": string,"reference_asset_id": string | null,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "audio_input"?: string | null,"created_at"?: string,"id"?: string,"job_id"?: string | null,"mode"?: Database["public"]['Enums']["generation_mode"],"prompt": string,"reference_asset_id"?: string | null,"user_id"?: string
                  }
                  Update: {
                    "audio_input"?: string | null,"created_at"?: string,"id"?: string,"job_id"?: string | null,"mode"?: Database["public"]['Enums']["generation_mode"],"prompt"?: string,"reference_asset_id"?: string | null,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "user_prompts_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_images"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "user_prompts_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_videos"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "user_prompts_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_voiceovers"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "user_prompts_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generation_jobs"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "user_prompts_reference_is_the_owners"
      columns: ["reference_asset_id","user_id"]
isOneToOne: false
      referencedRelation: "assets"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "user_prompts_reference_is_the_owners"
      columns: ["reference_asset_id","user_id"]
isOneToOne: false
      referencedRelation: "images"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "user_prompts_reference_is_the_owners"
      columns: ["reference_asset_id","user_id"]
isOneToOne: false
      referencedRelation: "videos"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "user_prompts_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "user_prompts_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"video_concepts": {
                  Row: {
                    "concept": string,"created_at": string,"goal": string,"id": string,"job_id": string | null,"project_id": string | null,"prompt": string,"title": string,"tone": string,"updated_at": string,"user_id": string,"web_info": string,"credit_transaction_id": string | null,"credits_used": number | null,"is_refunded": boolean | null
                  }
                  ComputedFields: "credit_transaction_id" | "credits_used" | "is_refunded"
                  Insert: {
                    "concept": string,"created_at"?: string,"goal"?: string,"id"?: string,"job_id"?: string | null,"project_id"?: string | null,"prompt": string,"title": string,"tone"?: string,"updated_at"?: string,"user_id"?: string,"web_info"?: string
                  }
                  Update: {
                    "concept"?: string,"created_at"?: string,"goal"?: string,"id"?: string,"job_id"?: string | null,"project_id"?: string | null,"prompt"?: string,"title"?: string,"tone"?: string,"updated_at"?: string,"user_id"?: string,"web_info"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "video_concepts_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_images"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "video_concepts_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_videos"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "video_concepts_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_voiceovers"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "video_concepts_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generation_jobs"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "video_concepts_project_is_the_owners"
      columns: ["project_id","user_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "video_concepts_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "video_concepts_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"video_segmentations": {
                  Row: {
                    "art_style": string,"concept": string,"created_at": string,"id": string,"is_selected": boolean,"job_id": string | null,"model": string,"negative_prompt": string | null,"project_id": string | null,"prompt": string,"updated_at": string,"user_id": string,"credit_transaction_id": string | null,"credits_used": number | null,"is_refunded": boolean | null
                  }
                  ComputedFields: "credit_transaction_id" | "credits_used" | "is_refunded"
                  Insert: {
                    "art_style"?: string,"concept": string,"created_at"?: string,"id"?: string,"is_selected"?: boolean,"job_id"?: string | null,"model"?: string,"negative_prompt"?: string | null,"project_id"?: string | null,"prompt": string,"updated_at"?: string,"user_id"?: string
                  }
                  Update: {
                    "art_style"?: string,"concept"?: string,"created_at"?: string,"id"?: string,"is_selected"?: boolean,"job_id"?: string | null,"model"?: string,"negative_prompt"?: string | null,"project_id"?: string | null,"prompt"?: string,"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "video_segmentations_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_images"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "video_segmentations_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_videos"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "video_segmentations_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_voiceovers"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "video_segmentations_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generation_jobs"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "video_segmentations_project_is_the_owners"
      columns: ["project_id","user_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "video_segmentations_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "video_segmentations_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"video_segments": {
                  Row: {
                    "animation": string,"created_at": string,"id": string,"narration": string,"position": number,"segmentation_id": string,"user_id": string,"visual": string
                  }
                  ComputedFields: never
                  Insert: {
                    "animation"?: string,"created_at"?: string,"id"?: string,"narration"?: string,"position": number,"segmentation_id": string,"user_id"?: string,"visual": string
                  }
                  Update: {
                    "animation"?: string,"created_at"?: string,"id"?: string,"narration"?: string,"position"?: number,"segmentation_id"?: string,"user_id"?: string,"visual"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "video_segments_segmentation_is_the_owners"
      columns: ["segmentation_id","user_id"]
isOneToOne: false
      referencedRelation: "video_segmentations"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "video_segments_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "video_segments_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"video_source_images": {
                  Row: {
                    "created_at": string,"duration_ms": number | null,"image_id": string,"position": number,"user_id": string,"video_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"duration_ms"?: number | null,"image_id": string,"position": number,"user_id": string,"video_id": string
                  }
                  Update: {
                    "created_at"?: string,"duration_ms"?: number | null,"image_id"?: string,"position"?: number,"user_id"?: string,"video_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "video_source_images_image_is_the_owners"
      columns: ["image_id","user_id"]
isOneToOne: false
      referencedRelation: "assets"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "video_source_images_image_is_the_owners"
      columns: ["image_id","user_id"]
isOneToOne: false
      referencedRelation: "images"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "video_source_images_image_is_the_owners"
      columns: ["image_id","user_id"]
isOneToOne: false
      referencedRelation: "videos"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "video_source_images_video_is_the_owners"
      columns: ["video_id","user_id"]
isOneToOne: false
      referencedRelation: "assets"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "video_source_images_video_is_the_owners"
      columns: ["video_id","user_id"]
isOneToOne: false
      referencedRelation: "images"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "video_source_images_video_is_the_owners"
      columns: ["video_id","user_id"]
isOneToOne: false
      referencedRelation: "videos"
      referencedColumns: ["id","user_id"]
    }
                  ]
                },"web_research_queries": {
                  Row: {
                    "created_at": string,"id": string,"job_id": string | null,"project_id": string | null,"prompt": string,"response": string,"updated_at": string,"user_id": string,"credit_transaction_id": string | null,"credits_used": number | null,"is_refunded": boolean | null
                  }
                  ComputedFields: "credit_transaction_id" | "credits_used" | "is_refunded"
                  Insert: {
                    "created_at"?: string,"id"?: string,"job_id"?: string | null,"project_id"?: string | null,"prompt": string,"response": string,"updated_at"?: string,"user_id"?: string
                  }
                  Update: {
                    "created_at"?: string,"id"?: string,"job_id"?: string | null,"project_id"?: string | null,"prompt"?: string,"response"?: string,"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "web_research_queries_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_images"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "web_research_queries_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_videos"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "web_research_queries_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_voiceovers"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "web_research_queries_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generation_jobs"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "web_research_queries_project_is_the_owners"
      columns: ["project_id","user_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "web_research_queries_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "web_research_queries_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                }
          }
          Views: {
            "credit_statement": {
                  Row: {
                    "amount": number,"balance_after": number,"created_at": string,"description": string | null,"job_id": string | null,"model_id": string | null,"operation_type": Database["public"]['Enums']["generation_kind"] | null,"payment_id": string | null,"reverses_id": string | null,"status": Database["public"]['Enums']["transaction_status"],"transaction_id": string,"type": Database["public"]['Enums']["transaction_type"],"user_id": string,"version": number
                  }
                  ComputedFields: never
                  Insert: {
                           "amount"?: number | null,"balance_after"?: number | null,"created_at"?: string | null,"description"?: string | null,"job_id"?: string | null,"model_id"?: string | null,"operation_type"?: Database["public"]['Enums']["generation_kind"] | null,"payment_id"?: string | null,"reverses_id"?: string | null,"status"?: Database["public"]['Enums']["transaction_status"] | null,"transaction_id"?: string | null,"type"?: Database["public"]['Enums']["transaction_type"] | null,"user_id"?: string | null,"version"?: number | null
                         }
                        Update: {
                           "amount"?: number | null,"balance_after"?: number | null,"created_at"?: string | null,"description"?: string | null,"job_id"?: string | null,"model_id"?: string | null,"operation_type"?: Database["public"]['Enums']["generation_kind"] | null,"payment_id"?: string | null,"reverses_id"?: string | null,"status"?: Database["public"]['Enums']["transaction_status"] | null,"transaction_id"?: string | null,"type"?: Database["public"]['Enums']["transaction_type"] | null,"user_id"?: string | null,"version"?: number | null
                         }
                        Relationships: [
                    {
      foreignKeyName: "credit_transactions_job_id_fkey"
      columns: ["job_id"]
isOneToOne: false
      referencedRelation: "generated_images"
      referencedColumns: ["job_id"]
    },{
      foreignKeyName: "credit_transactions_job_id_fkey"
      columns: ["job_id"]
isOneToOne: false
      referencedRelation: "generated_videos"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "credit_transactions_job_id_fkey"
      columns: ["job_id"]
isOneToOne: false
      referencedRelation: "generated_voiceovers"
      referencedColumns: ["job_id"]
    },{
      foreignKeyName: "credit_transactions_job_id_fkey"
      columns: ["job_id"]
isOneToOne: false
      referencedRelation: "generation_jobs"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "credit_transactions_payment_is_the_owners"
      columns: ["payment_id","user_id"]
isOneToOne: false
      referencedRelation: "payments"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "credit_transactions_reverses_id_fkey"
      columns: ["reverses_id"]
isOneToOne: false
      referencedRelation: "credit_statement"
      referencedColumns: ["transaction_id"]
    },{
      foreignKeyName: "credit_transactions_reverses_id_fkey"
      columns: ["reverses_id"]
isOneToOne: false
      referencedRelation: "credit_transactions"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "credit_transactions_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "credit_transactions_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"credit_usage_by_model": {
                  Row: {
                    "credits": number | null,"day": string | null,"jobs": number | null,"model_id": string | null,"operation_type": Database["public"]['Enums']["generation_kind"] | null,"user_id": string
                  }
                  ComputedFields: never
                  Relationships: [
                    {
      foreignKeyName: "credit_transactions_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "credit_transactions_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"generated_images": {
                  Row: {
                    "art_style": string | null,"asset_id": string | null,"bucket": string | null,"created_at": string,"credit_transaction_id": string | null,"credits_used": number | null,"id": string | null,"image_size_bytes": number | null,"is_refunded": boolean,"job_id": string,"message": string | null,"model": string,"position": number | null,"project_id": string | null,"status": Database["public"]['Enums']["job_status"],"storage_path": string | null,"success": boolean | null,"thumbnail_bucket": string | null,"thumbnail_path": string | null,"user_id": string,"visual_prompt": string
                  }
                  ComputedFields: never
                  Relationships: [
                    {
      foreignKeyName: "generation_jobs_model_id_fkey"
      columns: ["model"]
isOneToOne: false
      referencedRelation: "models"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "generation_jobs_project_is_the_owners"
      columns: ["project_id","user_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "generation_jobs_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "generation_jobs_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"generated_video_files": {
                  Row: {
                    "bucket": string,"created_at": string,"duration": number | null,"generated_video_id": string | null,"id": string,"position": number | null,"project_id": string | null,"size_bytes": number,"storage_path": string,"thumbnail_bucket": string | null,"thumbnail_path": string | null,"user_id": string | null
                  }
                  ComputedFields: never
                  Relationships: [
                    {
      foreignKeyName: "job_assets_job_is_the_owners"
      columns: ["generated_video_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_images"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "job_assets_job_is_the_owners"
      columns: ["generated_video_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_videos"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "job_assets_job_is_the_owners"
      columns: ["generated_video_id","user_id"]
isOneToOne: false
      referencedRelation: "generated_voiceovers"
      referencedColumns: ["job_id","user_id"]
    },{
      foreignKeyName: "job_assets_job_is_the_owners"
      columns: ["generated_video_id","user_id"]
isOneToOne: false
      referencedRelation: "generation_jobs"
      referencedColumns: ["id","user_id"]
    }
                  ]
                },"generated_videos": {
                  Row: {
                    "animation_prompt": string,"art_style": string | null,"created_at": string,"credit_transaction_id": string | null,"credits_used": number | null,"id": string,"image_bucket": string | null,"image_storage_path": string | null,"is_refunded": boolean,"message": string | null,"model": string,"project_id": string | null,"status": Database["public"]['Enums']["job_status"],"success": boolean | null,"total_videos": number | null,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                           "animation_prompt"?: string | null,"art_style"?: string | null,"created_at"?: string | null,"credit_transaction_id"?: string | null,"credits_used"?: never,"id"?: string | null,"image_bucket"?: never,"image_storage_path"?: never,"is_refunded"?: boolean | null,"message"?: string | null,"model"?: string | null,"project_id"?: string | null,"status"?: Database["public"]['Enums']["job_status"] | null,"success"?: never,"total_videos"?: never,"user_id"?: string | null
                         }
                        Update: {
                           "animation_prompt"?: string | null,"art_style"?: string | null,"created_at"?: string | null,"credit_transaction_id"?: string | null,"credits_used"?: never,"id"?: string | null,"image_bucket"?: never,"image_storage_path"?: never,"is_refunded"?: boolean | null,"message"?: string | null,"model"?: string | null,"project_id"?: string | null,"status"?: Database["public"]['Enums']["job_status"] | null,"success"?: never,"total_videos"?: never,"user_id"?: string | null
                         }
                        Relationships: [
                    {
      foreignKeyName: "generation_jobs_model_id_fkey"
      columns: ["model"]
isOneToOne: false
      referencedRelation: "models"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "generation_jobs_project_is_the_owners"
      columns: ["project_id","user_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "generation_jobs_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "generation_jobs_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"generated_voiceovers": {
                  Row: {
                    "asset_id": string | null,"bucket": string | null,"created_at": string,"credit_transaction_id": string | null,"credits_used": number | null,"duration": number | null,"id": string | null,"is_refunded": boolean,"job_id": string,"message": string | null,"model": string,"narration_prompt": string,"position": number | null,"project_id": string | null,"status": Database["public"]['Enums']["job_status"],"storage_path": string | null,"success": boolean | null,"user_id": string
                  }
                  ComputedFields: never
                  Relationships: [
                    {
      foreignKeyName: "generation_jobs_model_id_fkey"
      columns: ["model"]
isOneToOne: false
      referencedRelation: "models"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "generation_jobs_project_is_the_owners"
      columns: ["project_id","user_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "generation_jobs_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "generation_jobs_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"images": {
                  Row: {
                    "aspect_ratio": string | null,"bucket": string,"created_at": string,"format": string | null,"height": number | null,"id": string,"job_id": string | null,"project_id": string | null,"size_bytes": number,"storage_path": string,"style": string | null,"thumbnail_bucket": string | null,"thumbnail_path": string | null,"updated_at": string,"user_id": string,"width": number | null
                  }
                  ComputedFields: never
                  Relationships: [
                    {
      foreignKeyName: "assets_project_is_the_owners"
      columns: ["project_id","user_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "assets_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "assets_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                },"user_stats": {
                  Row: {
                    "completed_jobs": number | null,"credits_spent": number | null,"failed_jobs": number | null,"last_login_at": string | null,"total_jobs": number | null,"user_id": string
                  }
                  ComputedFields: never
                  Relationships: [
                    
                  ]
                },"videos": {
                  Row: {
                    "aspect_ratio": string | null,"bucket": string,"created_at": string,"duration": number | null,"format": string | null,"height": number | null,"id": string,"job_id": string | null,"project_id": string | null,"size_bytes": number,"storage_path": string,"style": string | null,"thumbnail_bucket": string | null,"thumbnail_path": string | null,"updated_at": string,"user_id": string,"width": number | null
                  }
                  ComputedFields: never
                  Relationships: [
                    {
      foreignKeyName: "assets_project_is_the_owners"
      columns: ["project_id","user_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "assets_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    },{
      foreignKeyName: "assets_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "user_stats"
      referencedColumns: ["user_id"]
    }
                  ]
                }
          }
          Functions: {
            "cancel_generation":
{ Args: { "p_job_id": string }; Returns: {
              "art_style": string | null,
"aspect_ratio": string | null,
"attempt_count": number,
"audio_instructions": string | null,
"campaign_id": string | null,
"created_at": string,
"credit_cost": number,
"credit_transaction_id": string | null,
"duration_seconds": number | null,
"error_code": string | null,
"error_message": string | null,
"finished_at": string | null,
"has_lost_inputs": boolean,
"hidden_at": string | null,
"id": string,
"idempotency_key": string | null,
"is_edit_call": boolean,
"is_refunded": boolean,
"kind": Database["public"]['Enums']["generation_kind"],
"max_attempts": number,
"mode": Database["public"]['Enums']["generation_mode"],
"model_id": string,
"negative_prompt": string | null,
"output_count": number,
"parameters": NonNullable<Json>,
"parent_job_id": string | null,
"priority": number,
"progress": number,
"project_id": string | null,
"prompt": string,
"provider": string,
"provider_job_id": string | null,
"purged_at": string | null,
"queued_at": string | null,
"resolution": string | null,
"started_at": string | null,
"status": Database["public"]['Enums']["job_status"],
"storyboard_id": string | null,
"updated_at": string,
"user_id": string
            }
                          SetofOptions: {
        from: "*"
        to: "generation_jobs"
        isOneToOne: true
        isSetofReturn: false
      } },
"credit_transaction_id":
{ Args: { "": Database["public"]['Tables']["characters"]['Row'] }; Returns: { error: true } & "the function public.credit_transaction_id with parameter or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache"
                           } |
{ Args: { "": Database["public"]['Tables']["content_summaries"]['Row'] }; Returns: { error: true } & "the function public.credit_transaction_id with parameter or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache"
                           } |
{ Args: { "": Database["public"]['Tables']["video_concepts"]['Row'] }; Returns: { error: true } & "the function public.credit_transaction_id with parameter or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache"
                           } |
{ Args: { "": Database["public"]['Tables']["video_segmentations"]['Row'] }; Returns: { error: true } & "the function public.credit_transaction_id with parameter or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache"
                           } |
{ Args: { "": Database["public"]['Tables']["web_research_queries"]['Row'] }; Returns: { error: true } & "the function public.credit_transaction_id with parameter or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache"
                           },
"credits_used":
{ Args: { "": Database["public"]['Tables']["characters"]['Row'] }; Returns: { error: true } & "the function public.credits_used with parameter or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache"
                           } |
{ Args: { "": Database["public"]['Tables']["content_summaries"]['Row'] }; Returns: { error: true } & "the function public.credits_used with parameter or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache"
                           } |
{ Args: { "": Database["public"]['Tables']["video_concepts"]['Row'] }; Returns: { error: true } & "the function public.credits_used with parameter or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache"
                           } |
{ Args: { "": Database["public"]['Tables']["video_segmentations"]['Row'] }; Returns: { error: true } & "the function public.credits_used with parameter or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache"
                           } |
{ Args: { "": Database["public"]['Tables']["web_research_queries"]['Row'] }; Returns: { error: true } & "the function public.credits_used with parameter or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache"
                           },
"get_public_project":
{ Args: { "p_limit"?: number,"p_project_id": string }; Returns: Database["public"]['CompositeTypes']["shared_project"]
                          SetofOptions: {
        from: "*"
        to: "shared_project"
        isOneToOne: true
        isSetofReturn: false
      } },
"get_shared_project":
{ Args: { "p_limit"?: number,"p_token": string }; Returns: Database["public"]['CompositeTypes']["shared_project"]
                          SetofOptions: {
        from: "*"
        to: "shared_project"
        isOneToOne: true
        isSetofReturn: false
      } },
"is_refunded":
{ Args: { "": Database["public"]['Tables']["characters"]['Row'] }; Returns: { error: true } & "the function public.is_refunded with parameter or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache"
                           } |
{ Args: { "": Database["public"]['Tables']["content_summaries"]['Row'] }; Returns: { error: true } & "the function public.is_refunded with parameter or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache"
                           } |
{ Args: { "": Database["public"]['Tables']["video_concepts"]['Row'] }; Returns: { error: true } & "the function public.is_refunded with parameter or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache"
                           } |
{ Args: { "": Database["public"]['Tables']["video_segmentations"]['Row'] }; Returns: { error: true } & "the function public.is_refunded with parameter or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache"
                           } |
{ Args: { "": Database["public"]['Tables']["web_research_queries"]['Row'] }; Returns: { error: true } & "the function public.is_refunded with parameter or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache"
                           },
"list_public_projects":
{ Args: { "p_before"?: string,"p_before_id"?: string,"p_limit"?: number }; Returns: Database["public"]['CompositeTypes']["public_project"][]
                          SetofOptions: {
        from: "*"
        to: "public_project"
        isOneToOne: false
        isSetofReturn: true
      } },
"log_activity":
{ Args: { "p_action": string,"p_details"?: Json }; Returns: undefined
                           },
"my_credits":
{ Args: Record<PropertyKey, never>; Returns: Database["public"]['CompositeTypes']["my_credits_summary"]
                          SetofOptions: {
        from: "*"
        to: "my_credits_summary"
        isOneToOne: true
        isSetofReturn: false
      } },
"my_limits":
{ Args: Record<PropertyKey, never>; Returns: Database["public"]['CompositeTypes']["limit_use"][]
                          SetofOptions: {
        from: "*"
        to: "limit_use"
        isOneToOne: false
        isSetofReturn: true
      } },
"queue_generation":
{ Args: { "p_job_id": string }; Returns: {
              "art_style": string | null,
"aspect_ratio": string | null,
"attempt_count": number,
"audio_instructions": string | null,
"campaign_id": string | null,
"created_at": string,
"credit_cost": number,
"credit_transaction_id": string | null,
"duration_seconds": number | null,
"error_code": string | null,
"error_message": string | null,
"finished_at": string | null,
"has_lost_inputs": boolean,
"hidden_at": string | null,
"id": string,
"idempotency_key": string | null,
"is_edit_call": boolean,
"is_refunded": boolean,
"kind": Database["public"]['Enums']["generation_kind"],
"max_attempts": number,
"mode": Database["public"]['Enums']["generation_mode"],
"model_id": string,
"negative_prompt": string | null,
"output_count": number,
"parameters": NonNullable<Json>,
"parent_job_id": string | null,
"priority": number,
"progress": number,
"project_id": string | null,
"prompt": string,
"provider": string,
"provider_job_id": string | null,
"purged_at": string | null,
"queued_at": string | null,
"resolution": string | null,
"started_at": string | null,
"status": Database["public"]['Enums']["job_status"],
"storyboard_id": string | null,
"updated_at": string,
"user_id": string
            }
                          SetofOptions: {
        from: "*"
        to: "generation_jobs"
        isOneToOne: true
        isSetofReturn: false
      } },
"quote_generation":
{ Args: { "p_aspect_ratio"?: string,"p_duration_seconds"?: number,"p_is_edit_call"?: boolean,"p_kind": Database["public"]['Enums']["generation_kind"],"p_mode"?: Database["public"]['Enums']["generation_mode"],"p_model_id"?: string,"p_output_count"?: number,"p_parameters"?: Json,"p_prompt"?: string,"p_resolution"?: string }; Returns: Database["public"]['CompositeTypes']["generation_quote"]
                          SetofOptions: {
        from: "*"
        to: "generation_quote"
        isOneToOne: true
        isSetofReturn: false
      } },
"rate_generation":
{ Args: { "p_comment"?: string,"p_job_id": string,"p_rating": number }; Returns: {
              "comment": string | null,
"created_at": string,
"id": string,
"job_id": string,
"rating": number,
"updated_at": string,
"user_id": string
            }
                          SetofOptions: {
        from: "*"
        to: "feedback"
        isOneToOne: true
        isSetofReturn: false
      } },
"restore_generation":
{ Args: { "p_job_id": string }; Returns: {
              "art_style": string | null,
"aspect_ratio": string | null,
"attempt_count": number,
"audio_instructions": string | null,
"campaign_id": string | null,
"created_at": string,
"credit_cost": number,
"credit_transaction_id": string | null,
"duration_seconds": number | null,
"error_code": string | null,
"error_message": string | null,
"finished_at": string | null,
"has_lost_inputs": boolean,
"hidden_at": string | null,
"id": string,
"idempotency_key": string | null,
"is_edit_call": boolean,
"is_refunded": boolean,
"kind": Database["public"]['Enums']["generation_kind"],
"max_attempts": number,
"mode": Database["public"]['Enums']["generation_mode"],
"model_id": string,
"negative_prompt": string | null,
"output_count": number,
"parameters": NonNullable<Json>,
"parent_job_id": string | null,
"priority": number,
"progress": number,
"project_id": string | null,
"prompt": string,
"provider": string,
"provider_job_id": string | null,
"purged_at": string | null,
"queued_at": string | null,
"resolution": string | null,
"started_at": string | null,
"status": Database["public"]['Enums']["job_status"],
"storyboard_id": string | null,
"updated_at": string,
"user_id": string
            }
                          SetofOptions: {
        from: "*"
        to: "generation_jobs"
        isOneToOne: true
        isSetofReturn: false
      } },
"restore_project":
{ Args: { "p_project_id": string }; Returns: {
              "created_at": string,
"deleted_at": string | null,
"description": string | null,
"id": string,
"is_public": boolean,
"name": string,
"share_token": string | null,
"show_prompts": boolean,
"updated_at": string,
"user_id": string
            }
                          SetofOptions: {
        from: "*"
        to: "projects"
        isOneToOne: true
        isSetofReturn: false
      } },
"retry_generation":
{ Args: { "p_idempotency_key"?: string,"p_job_id": string }; Returns: {
              "art_style": string | null,
"aspect_ratio": string | null,
"attempt_count": number,
"audio_instructions": string | null,
"campaign_id": string | null,
"created_at": string,
"credit_cost": number,
"credit_transaction_id": string | null,
"duration_seconds": number | null,
"error_code": string | null,
"error_message": string | null,
"finished_at": string | null,
"has_lost_inputs": boolean,
"hidden_at": string | null,
"id": string,
"idempotency_key": string | null,
"is_edit_call": boolean,
"is_refunded": boolean,
"kind": Database["public"]['Enums']["generation_kind"],
"max_attempts": number,
"mode": Database["public"]['Enums']["generation_mode"],
"model_id": string,
"negative_prompt": string | null,
"output_count": number,
"parameters": NonNullable<Json>,
"parent_job_id": string | null,
"priority": number,
"progress": number,
"project_id": string | null,
"prompt": string,
"provider": string,
"provider_job_id": string | null,
"purged_at": string | null,
"queued_at": string | null,
"resolution": string | null,
"started_at": string | null,
"status": Database["public"]['Enums']["job_status"],
"storyboard_id": string | null,
"updated_at": string,
"user_id": string
            }
                          SetofOptions: {
        from: "*"
        to: "generation_jobs"
        isOneToOne: true
        isSetofReturn: false
      } },
"select_segmentation":
{ Args: { "p_segmentation_id": string }; Returns: {
              "art_style": string,
"concept": string,
"created_at": string,
"id": string,
"is_selected": boolean,
"job_id": string | null,
"model": string,
"negative_prompt": string | null,
"project_id": string | null,
"prompt": string,
"updated_at": string,
"user_id": string
            }
                          SetofOptions: {
        from: "*"
        to: "video_segmentations"
        isOneToOne: true
        isSetofReturn: false
      } },
"share_project":
{ Args: { "p_project_id": string }; Returns: string
                           },
"submit_generation":
{ Args: { "p_after_job_ids"?: (string)[],"p_art_style"?: string,"p_aspect_ratio"?: string,"p_audio_instructions"?: string,"p_campaign_id"?: string,"p_duration_seconds"?: number,"p_idempotency_key"?: string,"p_kind": Database["public"]['Enums']["generation_kind"],"p_mode"?: Database["public"]['Enums']["generation_mode"],"p_model_id"?: string,"p_negative_prompt"?: string,"p_output_count"?: number,"p_parameters"?: Json,"p_parent_job_id"?: string,"p_project_id"?: string,"p_prompt": string,"p_reference_asset_ids"?: (string)[],"p_reference_roles"?: (Database["public"]['Enums']["asset_role"])[],"p_resolution"?: string,"p_storyboard_id"?: string }; Returns: {
              "art_style": string | null,
"aspect_ratio": string | null,
"attempt_count": number,
"audio_instructions": string | null,
"campaign_id": string | null,
"created_at": string,
"credit_cost": number,
"credit_transaction_id": string | null,
"duration_seconds": number | null,
"error_code": string | null,
"error_message": string | null,
"finished_at": string | null,
"has_lost_inputs": boolean,
"hidden_at": string | null,
"id": string,
"idempotency_key": string | null,
"is_edit_call": boolean,
"is_refunded": boolean,
"kind": Database["public"]['Enums']["generation_kind"],
"max_attempts": number,
"mode": Database["public"]['Enums']["generation_mode"],
"model_id": string,
"negative_prompt": string | null,
"output_count": number,
"parameters": NonNullable<Json>,
"parent_job_id": string | null,
"priority": number,
"progress": number,
"project_id": string | null,
"prompt": string,
"provider": string,
"provider_job_id": string | null,
"purged_at": string | null,
"queued_at": string | null,
"resolution": string | null,
"started_at": string | null,
"status": Database["public"]['Enums']["job_status"],
"storyboard_id": string | null,
"updated_at": string,
"user_id": string
            }
                          SetofOptions: {
        from: "*"
        to: "generation_jobs"
        isOneToOne: true
        isSetofReturn: false
      } },
"unshare_project":
{ Args: { "p_project_id": string }; Returns: undefined
                           },
"use_preset_chain":
{ Args: { "p_chain_id": string }; Returns: {
              "created_at": string,
"description": string | null,
"id": string,
"is_favorite": boolean,
"name": string,
"tools": NonNullable<Json>,
"updated_at": string,
"usage_count": number,
"user_id": string
            }
                          SetofOptions: {
        from: "*"
        to: "tool_preset_chains"
        isOneToOne: true
        isSetofReturn: false
      } },
"use_style_preset":
{ Args: { "p_preset_id": string }; Returns: {
              "character_id": string | null,
"created_at": string,
"id": string,
"is_favorite": boolean,
"name": string,
"style_data": NonNullable<Json>,
"tags": (string)[],
"thumbnail_url": string | null,
"updated_at": string,
"usage_count": number,
"user_id": string
            }
                          SetofOptions: {
        from: "*"
        to: "style_presets"
        isOneToOne: true
        isSetofReturn: false
      } },
"use_tool_configuration":
{ Args: { "p_configuration_id": string }; Returns: {
              "character_id": string | null,
"configuration": NonNullable<Json>,
"created_at": string,
"id": string,
"is_favorite": boolean,
"tool_name": string,
"updated_at": string,
"usage_count": number,
"user_id": string
            }
                          SetofOptions: {
        from: "*"
        to: "tool_configurations"
        isOneToOne: true
        isSetofReturn: false
      } }
          }
          Enums: {
            "asset_kind": "image"|"video"|"audio"|"document","asset_role": "reference_image"|"source_video"|"source_audio"|"result_image"|"result_video"|"result_audio"|"thumbnail"|"sprite_sheet"|"final_character"|"subtitle","campaign_status": "draft"|"active"|"completed"|"archived","conversation_type": "concept_generation"|"web_research"|"content_summary"|"video_segmentation"|"image_generation"|"video_generation"|"voiceover_generation"|"character_generation"|"general_chat","credit_grant_kind": "allowance"|"purchase"|"bonus"|"refund"|"adjustment","generation_kind": "text_to_image"|"text_to_video"|"image_to_video"|"video_edit"|"voiceover"|"character"|"concept"|"web_research"|"content_summary"|"video_segmentation","generation_mode": "draft"|"fast"|"standard"|"ultra","job_actor": "user"|"service"|"system","job_status": "pending"|"queued"|"starting"|"processing"|"finalizing"|"completed"|"failed"|"cancelled"|"expired","payment_method": "card"|"promptpay"|"truemoney","payment_provider": "stripe"|"omise"|"sandbox","payment_status": "pending"|"processing"|"succeeded"|"failed"|"expired"|"refunded"|"disputed","price_unit": "job"|"second"|"output"|"segment"|"1k_characters","subscription_status": "active"|"trialing"|"past_due"|"cancelled"|"ended","subscription_tier": "free"|"starter"|"creator"|"pro"|"business"|"enterprise","transaction_status": "pending"|"completed"|"failed"|"cancelled"|"refunded","transaction_type": "purchase"|"deduction"|"refund"|"bonus"|"grant"|"expiration"|"adjustment"|"chargeback"
          }
          CompositeTypes: {
            "generation_quote": {
                        "model_id": string | null,"provider": string | null,"aspect_ratio": string | null,"resolution": string | null,"duration_seconds": number | null,"unit": Database["public"]['Enums']["price_unit"] | null,"quantity": number | null,"is_edit_call": boolean | null,"credits": number | null
                      },"limit_use": {
                        "resource": string | null,"used": number | null,"allowed": number | null
                      },"my_credits_summary": {
                        "balance": number | null,"spendable": number | null,"in_flight": number | null,"debt": number | null,"next_expiry_at": string | null,"next_expiry_credits": number | null,"monthly_allowance": number | null,"period_ends_at": string | null
                      },"public_project": {
                        "project_id": string | null,"name": string | null,"description": string | null,"username": string | null,"avatar_url": string | null,"created_at": string | null
                      },"shared_project": {
                        "name": string | null,"description": string | null,"username": string | null,"avatar_url": string | null,"created_at": string | null,"results": Json | null
                      }
          }
        },"worker": {
          Tables: {
            "api_usage_logs": {
                  Row: {
                    "call_id": string,"cost_usd": number | null,"created_at": string,"job_id": string | null,"latency_ms": number | null,"model": string | null,"operation": string,"provider": string,"request_id": string | null,"status_code": number | null,"units": number | null
                  }
                  ComputedFields: never
                  Insert: {
                    "call_id"?: string,"cost_usd"?: number | null,"created_at"?: string,"job_id"?: string | null,"latency_ms"?: number | null,"model"?: string | null,"operation": string,"provider": string,"request_id"?: string | null,"status_code"?: number | null,"units"?: number | null
                  }
                  Update: {
                    "call_id"?: string,"cost_usd"?: number | null,"created_at"?: string,"job_id"?: string | null,"latency_ms"?: number | null,"model"?: string | null,"operation"?: string,"provider"?: string,"request_id"?: string | null,"status_code"?: number | null,"units"?: number | null
                  }
                  Relationships: [
                    
                  ]
                },"attempts": {
                  Row: {
                    "attempt": number,"cost_usd": number | null,"error_class": Database["worker"]['Enums']["error_class"] | null,"error_code": string | null,"error_message": string | null,"finished_at": string | null,"job_id": string,"latency_ms": number | null,"lease": string | null,"outcome": string,"provider": string,"provider_job_id": string | null,"started_at": string,"units": number | null,"worker": string
                  }
                  ComputedFields: never
                  Insert: {
                    "attempt": number,"cost_usd"?: number | null,"error_class"?: Database["worker"]['Enums']["error_class"] | null,"error_code"?: string | null,"error_message"?: string | null,"finished_at"?: string | null,"job_id": string,"latency_ms"?: number | null,"lease"?: string | null,"outcome"?: string,"provider": string,"provider_job_id"?: string | null,"started_at"?: string,"units"?: number | null,"worker": string
                  }
                  Update: {
                    "attempt"?: number,"cost_usd"?: number | null,"error_class"?: Database["worker"]['Enums']["error_class"] | null,"error_code"?: string | null,"error_message"?: string | null,"finished_at"?: string | null,"job_id"?: string,"latency_ms"?: number | null,"lease"?: string | null,"outcome"?: string,"provider"?: string,"provider_job_id"?: string | null,"started_at"?: string,"units"?: number | null,"worker"?: string
                  }
                  Relationships: [
                    
                  ]
                },"cancellations": {
                  Row: {
                    "available_at": string,"created_at": string,"job_id": string,"provider": string,"provider_job_id": string,"provider_state": Json | null,"tries": number
                  }
                  ComputedFields: never
                  Insert: {
                    "available_at"?: string,"created_at"?: string,"job_id": string,"provider": string,"provider_job_id": string,"provider_state"?: Json | null,"tries"?: number
                  }
                  Update: {
                    "available_at"?: string,"created_at"?: string,"job_id"?: string,"provider"?: string,"provider_job_id"?: string,"provider_state"?: Json | null,"tries"?: number
                  }
                  Relationships: [
                    
                  ]
                },"claims": {
                  Row: {
                    "claimed_at": string,"lease": string,"tasks": number,"worker": string
                  }
                  ComputedFields: never
                  Insert: {
                    "claimed_at"?: string,"lease": string,"tasks": number,"worker": string
                  }
                  Update: {
                    "claimed_at"?: string,"lease"?: string,"tasks"?: number,"worker"?: string
                  }
                  Relationships: [
                    
                  ]
                },"debt_changes": {
                  Row: {
                    "amount": number,"created_at": string,"id": number,"payment_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "amount": number,"created_at"?: string,"id"?: never,"payment_id": string
                  }
                  Update: {
                    "amount"?: number,"created_at"?: string,"id"?: never,"payment_id"?: string
                  }
                  Relationships: [
                    
                  ]
                },"file_removals": {
                  Row: {
                    "available_at": string,"bucket": string,"created_at": string,"storage_path": string
                  }
                  ComputedFields: never
                  Insert: {
                    "available_at"?: string,"bucket": string,"created_at"?: string,"storage_path": string
                  }
                  Update: {
                    "available_at"?: string,"bucket"?: string,"created_at"?: string,"storage_path"?: string
                  }
                  Relationships: [
                    
                  ]
                },"lanes": {
                  Row: {
                    "kind": Database["public"]['Enums']["generation_kind"],"oldest_at": string,"priority": number,"provider": string
                  }
                  ComputedFields: never
                  Insert: {
                    "kind": Database["public"]['Enums']["generation_kind"],"oldest_at"?: string,"priority": number,"provider": string
                  }
                  Update: {
                    "kind"?: Database["public"]['Enums']["generation_kind"],"oldest_at"?: string,"priority"?: number,"provider"?: string
                  }
                  Relationships: [
                    
                  ]
                },"operator_actions": {
                  Row: {
                    "action": string,"created_at": string,"details": NonNullable<Json>,"id": string,"operator": string,"reason": string,"transaction_id": string | null,"user_id": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "action": string,"created_at"?: string,"details"?: NonNullable<Json>,"id"?: string,"operator": string,"reason": string,"transaction_id"?: string | null,"user_id"?: string | null
                  }
                  Update: {
                    "action"?: string,"created_at"?: string,"details"?: NonNullable<Json>,"id"?: string,"operator"?: string,"reason"?: string,"transaction_id"?: string | null,"user_id"?: string | null
                  }
                  Relationships: [
                    
                  ]
                },"payment_checks": {
                  Row: {
                    "checks": number,"due_at": string,"payment_id": string,"provider": Database["public"]['Enums']["payment_provider"]
                  }
                  ComputedFields: never
                  Insert: {
                    "checks"?: number,"due_at": string,"payment_id": string,"provider": Database["public"]['Enums']["payment_provider"]
                  }
                  Update: {
                    "checks"?: number,"due_at"?: string,"payment_id"?: string,"provider"?: Database["public"]['Enums']["payment_provider"]
                  }
                  Relationships: [
                    
                  ]
                },"payment_customers": {
                  Row: {
                    "created_at": string,"provider": Database["public"]['Enums']["payment_provider"],"provider_reference": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"provider": Database["public"]['Enums']["payment_provider"],"provider_reference": string,"user_id": string
                  }
                  Update: {
                    "created_at"?: string,"provider"?: Database["public"]['Enums']["payment_provider"],"provider_reference"?: string,"user_id"?: string
                  }
                  Relationships: [
                    
                  ]
                },"payment_disputes": {
                  Row: {
                    "amount_minor": number | null,"closed_at": string | null,"opened_at": string,"outcome": string,"payment_id": string,"provider_reference": string,"reason": string | null,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "amount_minor"?: number | null,"closed_at"?: string | null,"opened_at"?: string,"outcome"?: string,"payment_id": string,"provider_reference": string,"reason"?: string | null,"user_id": string
                  }
                  Update: {
                    "amount_minor"?: number | null,"closed_at"?: string | null,"opened_at"?: string,"outcome"?: string,"payment_id"?: string,"provider_reference"?: string,"reason"?: string | null,"user_id"?: string
                  }
                  Relationships: [
                    
                  ]
                },"provider_rates": {
                  Row: {
                    "created_at": string,"provider": string,"provider_model": string,"unit": string,"updated_at": string,"usd_per_unit": number
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"provider": string,"provider_model": string,"unit": string,"updated_at"?: string,"usd_per_unit": number
                  }
                  Update: {
                    "created_at"?: string,"provider"?: string,"provider_model"?: string,"unit"?: string,"updated_at"?: string,"usd_per_unit"?: number
                  }
                  Relationships: [
                    
                  ]
                },"providers": {
                  Row: {
                    "failed_at": string | null,"failures": number,"is_drained": boolean,"max_running": number | null,"name": string,"pause_reason": string | null,"paused_until": string | null,"starts_per_minute": number | null,"tokens": number,"tokens_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "failed_at"?: string | null,"failures"?: number,"is_drained"?: boolean,"max_running"?: number | null,"name": string,"pause_reason"?: string | null,"paused_until"?: string | null,"starts_per_minute"?: number | null,"tokens"?: number,"tokens_at"?: string
                  }
                  Update: {
                    "failed_at"?: string | null,"failures"?: number,"is_drained"?: boolean,"max_running"?: number | null,"name"?: string,"pause_reason"?: string | null,"paused_until"?: string | null,"starts_per_minute"?: number | null,"tokens"?: number,"tokens_at"?: string
                  }
                  Relationships: [
                    
                  ]
                },"tasks": {
                  Row: {
                    "created_at": string,"deadline_at": string,"due_at": string | null,"failures": number,"is_admitted": boolean,"is_uncertain": boolean,"is_woken": boolean,"job_id": string,"kind": Database["public"]['Enums']["generation_kind"],"lease": string | null,"lease_expires_at": string | null,"priority": number,"provider": string,"provider_job_id": string | null,"provider_state": Json | null,"ready_at": string | null,"step": Database["worker"]['Enums']["task_step"],"tries": number,"user_id": string,"waits_for": number,"worker": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"deadline_at": string,"due_at"?: string | null,"failures"?: number,"is_admitted"?: boolean,"is_uncertain"?: boolean,"is_woken"?: boolean,"job_id": string,"kind": Database["public"]['Enums']["generation_kind"],"lease"?: string | null,"lease_expires_at"?: string | null,"priority"?: number,"provider": string,"provider_job_id"?: string | null,"provider_state"?: Json | null,"ready_at"?: string | null,"step"?: Database["worker"]['Enums']["task_step"],"tries"?: number,"user_id": string,"waits_for"?: number,"worker"?: string | null
                  }
                  Update: {
                    "created_at"?: string,"deadline_at"?: string,"due_at"?: string | null,"failures"?: number,"is_admitted"?: boolean,"is_uncertain"?: boolean,"is_woken"?: boolean,"job_id"?: string,"kind"?: Database["public"]['Enums']["generation_kind"],"lease"?: string | null,"lease_expires_at"?: string | null,"priority"?: number,"provider"?: string,"provider_job_id"?: string | null,"provider_state"?: Json | null,"ready_at"?: string | null,"step"?: Database["worker"]['Enums']["task_step"],"tries"?: number,"user_id"?: string,"waits_for"?: number,"worker"?: string | null
                  }
                  Relationships: [
                    
                  ]
                },"upload_checks": {
                  Row: {
                    "due_at": string,"job_id": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "due_at": string,"job_id": string,"user_id": string
                  }
                  Update: {
                    "due_at"?: string,"job_id"?: string,"user_id"?: string
                  }
                  Relationships: [
                    
                  ]
                },"webhook_events": {
                  Row: {
                    "attempts": number,"created_at": string,"error": string | null,"event_id": string,"forgiven": number,"headers": NonNullable<Json>,"id": string,"is_of_payment": boolean,"job_id": string | null,"next_attempt_at": string | null,"payload": NonNullable<Json>,"payment_id": string | null,"processed_at": string | null,"provider": string,"status": Database["worker"]['Enums']["webhook_status"],"subject": string | null,"type": string
                  }
                  ComputedFields: never
                  Insert: {
                    "attempts"?: number,"created_at"?: string,"error"?: string | null,"event_id": string,"forgiven"?: number,"headers"?: NonNullable<Json>,"id"?: string,"is_of_payment": boolean,"job_id"?: string | null,"next_attempt_at"?: string | null,"payload": NonNullable<Json>,"payment_id"?: string | null,"processed_at"?: string | null,"provider": string,"status"?: Database["worker"]['Enums']["webhook_status"],"subject"?: string | null,"type": string
                  }
                  Update: {
                    "attempts"?: number,"created_at"?: string,"error"?: string | null,"event_id"?: string,"forgiven"?: number,"headers"?: NonNullable<Json>,"id"?: string,"is_of_payment"?: boolean,"job_id"?: string | null,"next_attempt_at"?: string | null,"payload"?: NonNullable<Json>,"payment_id"?: string | null,"processed_at"?: string | null,"provider"?: string,"status"?: Database["worker"]['Enums']["webhook_status"],"subject"?: string | null,"type"?: string
                  }
                  Relationships: [
                    
                  ]
                }
          }
          Views: {
            "credit_liability": {
                  Row: {
                    "currency": string | null,"held_credits": number | null,"liability_credits": number | null,"liability_minor": number | null,"owed_credits": number | null,"owed_minor": number | null,"unspent_credits": number | null
                  }
                  ComputedFields: never
                  Relationships: [
                    
                  ]
                },"credits_by_month": {
                  Row: {
                    "credits": number | null,"entries": number | null,"month": string | null,"type": Database["public"]['Enums']["transaction_type"]
                  }
                  ComputedFields: never
                  Relationships: [
                    
                  ]
                },"job_queue_status": {
                  Row: {
                    "average_wait_seconds": number | null,"jobs": number | null,"kind": Database["public"]['Enums']["generation_kind"] | null,"longest_wait_seconds": number | null,"provider": string | null,"status": Database["public"]['Enums']["job_status"] | null
                  }
                  ComputedFields: never
                  Relationships: [
                    
                  ]
                },"provider_costs": {
                  Row: {
                    "average_latency_ms": number | null,"calls": number | null,"cost_usd": number | null,"day": string | null,"failures": number | null,"model": string | null,"operation": string,"provider": string,"units": number | null
                  }
                  ComputedFields: never
                  Relationships: [
                    
                  ]
                },"queue_depths": {
                  Row: {
                    "begun": number | null,"blocked": number | null,"held": number | null,"in_line": number | null,"jobs": number | null,"kind": Database["public"]['Enums']["generation_kind"],"oldest_wait_seconds": number | null,"parked": number | null,"provider": string,"running": number | null,"underway": number | null
                  }
                  ComputedFields: never
                  Relationships: [
                    
                  ]
                },"queue_jobs": {
                  Row: {
                    "created_at": string,"deadline_at": string,"due_at": string | null,"job_id": string,"kind": Database["public"]['Enums']["generation_kind"],"lease_expires_at": string | null,"place": string | null,"provider": string,"ready_at": string | null,"status": Database["public"]['Enums']["job_status"] | null,"step": Database["worker"]['Enums']["task_step"],"user_id": string,"worker": string | null
                  }
                  ComputedFields: never
                  Insert: {
                           "created_at"?: string | null,"deadline_at"?: string | null,"due_at"?: string | null,"job_id"?: string | null,"kind"?: Database["public"]['Enums']["generation_kind"] | null,"lease_expires_at"?: string | null,"place"?: never,"provider"?: string | null,"ready_at"?: string | null,"status"?: never,"step"?: Database["worker"]['Enums']["task_step"] | null,"user_id"?: string | null,"worker"?: string | null
                         }
                        Update: {
                           "created_at"?: string | null,"deadline_at"?: string | null,"due_at"?: string | null,"job_id"?: string | null,"kind"?: Database["public"]['Enums']["generation_kind"] | null,"lease_expires_at"?: string | null,"place"?: never,"provider"?: string | null,"ready_at"?: string | null,"status"?: never,"step"?: Database["worker"]['Enums']["task_step"] | null,"user_id"?: string | null,"worker"?: string | null
                         }
                        Relationships: [
                    
                  ]
                },"queue_rates": {
                  Row: {
                    "cancelled_5m": number | null,"completed_5m": number | null,"ended_1m": number | null,"expired_5m": number | null,"failed_5m": number | null,"kind": Database["public"]['Enums']["generation_kind"],"provider": string,"started_1m": number | null,"started_5m": number | null
                  }
                  ComputedFields: never
                  Relationships: [
                    
                  ]
                },"queue_users": {
                  Row: {
                    "begun": number | null,"blocked": number | null,"held": number | null,"in_line": number | null,"jobs": number | null,"oldest_wait_seconds": number | null,"parked": number | null,"running": number | null,"underway": number | null,"user_id": string
                  }
                  ComputedFields: never
                  Relationships: [
                    
                  ]
                },"revenue_by_month": {
                  Row: {
                    "currency": string | null,"expired_credits": number | null,"expired_minor": number | null,"liability_credits": number | null,"liability_minor": number | null,"month": string | null,"recognised_credits": number | null,"recognised_minor": number | null,"returned_credits": number | null,"returned_minor": number | null,"sold_credits": number | null,"sold_minor": number | null,"withdrawn_credits": number | null,"withdrawn_minor": number | null
                  }
                  ComputedFields: never
                  Relationships: [
                    
                  ]
                },"revenue_entries": {
                  Row: {
                    "amount_minor": number | null,"credits": number | null,"currency": string | null,"effect": string | null,"occurred_at": string | null,"payment_id": string | null,"transaction_id": string | null
                  }
                  ComputedFields: never
                  Relationships: [
                    
                  ]
                },"sold_lots": {
                  Row: {
                    "average_price_minor": number | null,"currency": string | null,"grant_id": string | null,"payment_id": string | null,"price_minor": number | null
                  }
                  ComputedFields: never
                  Relationships: [
                    
                  ]
                }
          }
          Functions: {
            "adjust_credits":
{ Args: { "p_amount": number,"p_idempotency_key"?: string,"p_operator": string,"p_reason": string,"p_user_id": string }; Returns: Database["public"]['Tables']["credit_transactions"]['Row']
                          SetofOptions: {
        from: "*"
        to: "credit_transactions"
        isOneToOne: true
        isSetofReturn: false
      } },
"advance_jobs":
{ Args: { "p_jobs": Json }; Returns: {
              "job_id": string,"message": string,"result": Database["worker"]['Enums']["call_result"]
            }[]
                           },
"advance_payment":
{ Args: { "p_expires_at"?: string,"p_is_processing"?: boolean,"p_method"?: Database["public"]['Enums']["payment_method"],"p_payment_id": string,"p_provider_reference"?: string,"p_receipt_url"?: string }; Returns: Database["public"]['Tables']["payments"]['Row']
                          SetofOptions: {
        from: "*"
        to: "payments"
        isOneToOne: true
        isSetofReturn: false
      } },
"audit_credits":
{ Args: Record<PropertyKey, never>; Returns: {
              "broken": number,"checked": number,"promise": string
            }[]
                           },
"cancel_job":
{ Args: { "p_job_id": string,"p_operator": string,"p_reason": string }; Returns: Database["public"]['Tables']["generation_jobs"]['Row']
                          SetofOptions: {
        from: "*"
        to: "generation_jobs"
        isOneToOne: true
        isSetofReturn: false
      } },
"cancel_subscription":
{ Args: { "p_occurred_at": string,"p_resume"?: boolean,"p_subscription_id": string }; Returns: Database["public"]['Tables']["subscriptions"]['Row']
                          SetofOptions: {
        from: "*"
        to: "subscriptions"
        isOneToOne: true
        isSetofReturn: false
      } },
"change_subscription":
{ Args: { "p_effective_at": string,"p_payment_id"?: string,"p_subscription_id": string,"p_tier": Database["public"]['Enums']["subscription_tier"] }; Returns: Database["public"]['Tables']["subscriptions"]['Row']
                          SetofOptions: {
        from: "*"
        to: "subscriptions"
        isOneToOne: true
        isSetofReturn: false
      } },
"claim_cancellations":
{ Args: { "p_lease_seconds"?: number,"p_limit"?: number,"p_providers": (string)[] }; Returns: {
              "job_id": string,"provider": string,"provider_job_id": string,"provider_state": Json
            }[]
                           },
"claim_file_removals":
{ Args: { "p_lease_seconds"?: number,"p_limit"?: number }; Returns: {
              "bucket": string,"storage_path": string
            }[]
                           },
"claim_open_payments":
{ Args: { "p_lease_seconds"?: number,"p_limit"?: number,"p_providers": (Database["public"]['Enums']["payment_provider"])[] }; Returns: {
              "amount_minor": number,"created_at": string,"currency": string,"expires_at": string,"method": Database["public"]['Enums']["payment_method"],"payment_id": string,"provider": Database["public"]['Enums']["payment_provider"],"provider_reference": string,"status": Database["public"]['Enums']["payment_status"],"subscription_id": string,"tier": Database["public"]['Enums']["subscription_tier"],"user_id": string
            }[]
                           },
"claim_tasks":
{ Args: { "p_is_repeat"?: boolean,"p_lease": string,"p_lease_seconds"?: number,"p_limit"?: number,"p_wanted": Json,"p_worker": string }; Returns: Database["worker"]['CompositeTypes']["claimed_task"][]
                          SetofOptions: {
        from: "*"
        to: "claimed_task"
        isOneToOne: false
        isSetofReturn: true
      } },
"claim_webhooks":
{ Args: { "p_lease_seconds"?: number,"p_limit"?: number,"p_providers": (string)[] }; Returns: {
              "attempts": number,"created_at": string,"event_id": string,"id": string,"payload": Json,"provider": string,"subject": string,"type": string
            }[]
                           },
"close_dispute":
{ Args: { "p_amount_minor"?: number,"p_dispute_reference": string,"p_outcome": string,"p_payment_id": string }; Returns: Database["public"]['Tables']["payments"]['Row']
                          SetofOptions: {
        from: "*"
        to: "payments"
        isOneToOne: true
        isSetofReturn: false
      } },
"complete_jobs":
{ Args: { "p_jobs": Json }; Returns: {
              "job_id": string,"message": string,"result": Database["worker"]['Enums']["call_result"]
            }[]
                           },
"confirm_cancellations":
{ Args: { "p_done": Json }; Returns: number
                           },
"confirm_file_removals":
{ Args: { "p_files": Json }; Returns: number
                           },
"drain_provider":
{ Args: { "p_is_drained"?: boolean,"p_provider": string }; Returns: {
              "failed_at": string | null,
"failures": number,
"is_drained": boolean,
"max_running": number | null,
"name": string,
"pause_reason": string | null,
"paused_until": string | null,
"starts_per_minute": number | null,
"tokens": number,
"tokens_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "providers"
        isOneToOne: true
        isSetofReturn: false
      } },
"end_overdue_jobs":
{ Args: { "p_limit"?: number }; Returns: string[]
                           },
"end_subscription":
{ Args: { "p_ended_at": string,"p_subscription_id": string }; Returns: Database["public"]['Tables']["subscriptions"]['Row']
                          SetofOptions: {
        from: "*"
        to: "subscriptions"
        isOneToOne: true
        isSetofReturn: false
      } },
"expire_credits":
{ Args: { "p_limit"?: number }; Returns: number
                           },
"extend_leases":
{ Args: { "p_held": Json,"p_lease_seconds"?: number }; Returns: string[]
                           },
"fail_jobs":
{ Args: { "p_jobs": Json }; Returns: {
              "due_in_seconds": number,"job_id": string,"message": string,"result": Database["worker"]['Enums']["call_result"],"status": Database["public"]['Enums']["job_status"]
            }[]
                           },
"fail_payment":
{ Args: { "p_has_expired"?: boolean,"p_payment_id": string,"p_reason"?: string }; Returns: Database["public"]['Tables']["payments"]['Row']
                          SetofOptions: {
        from: "*"
        to: "payments"
        isOneToOne: true
        isSetofReturn: false
      } },
"find_shown_file":
{ Args: { "p_asset_id": string,"p_project_id"?: string,"p_token"?: string }; Returns: {
              "bucket": string,"mime_type": string,"storage_path": string
            }[]
                           },
"finish_webhook":
{ Args: { "p_attempt": number,"p_error"?: string,"p_id": string,"p_payment_id"?: string,"p_status": Database["worker"]['Enums']["webhook_status"] }; Returns: boolean
                           },
"follow_subscriptions":
{ Args: { "p_limit"?: number }; Returns: number
                           },
"follow_webhooks":
{ Args: { "p_limit"?: number }; Returns: number
                           },
"grant_credits":
{ Args: { "p_amount": number,"p_expires_at"?: string,"p_idempotency_key"?: string,"p_operator": string,"p_reason": string,"p_user_id": string }; Returns: Database["public"]['Tables']["credit_transactions"]['Row']
                          SetofOptions: {
        from: "*"
        to: "credit_transactions"
        isOneToOne: true
        isSetofReturn: false
      } },
"housekeep":
{ Args: { "p_limit"?: number }; Returns: Json
                           },
"keep_payment_customer":
{ Args: { "p_provider": Database["public"]['Enums']["payment_provider"],"p_provider_reference": string,"p_user_id": string }; Returns: string
                           },
"lapse_subscription":
{ Args: { "p_has_recovered"?: boolean,"p_occurred_at": string,"p_subscription_id": string }; Returns: Database["public"]['Tables']["subscriptions"]['Row']
                          SetofOptions: {
        from: "*"
        to: "subscriptions"
        isOneToOne: true
        isSetofReturn: false
      } },
"limit_provider":
{ Args: { "p_max_running": number,"p_provider": string,"p_starts_per_minute": number }; Returns: {
              "failed_at": string | null,
"failures": number,
"is_drained": boolean,
"max_running": number | null,
"name": string,
"pause_reason": string | null,
"paused_until": string | null,
"starts_per_minute": number | null,
"tokens": number,
"tokens_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "providers"
        isOneToOne: true
        isSetofReturn: false
      } },
"log_api_usage":
{ Args: { "p_calls": Json }; Returns: number
                           },
"open_dispute":
{ Args: { "p_amount_minor"?: number,"p_dispute_reference": string,"p_payment_id": string,"p_reason"?: string }; Returns: Database["public"]['Tables']["payments"]['Row']
                          SetofOptions: {
        from: "*"
        to: "payments"
        isOneToOne: true
        isSetofReturn: false
      } },
"open_payment":
{ Args: { "p_amount_minor"?: number,"p_currency"?: string,"p_expires_at"?: string,"p_idempotency_key": string,"p_method"?: Database["public"]['Enums']["payment_method"],"p_package_slug"?: string,"p_provider": Database["public"]['Enums']["payment_provider"],"p_subscription_id"?: string,"p_tier"?: Database["public"]['Enums']["subscription_tier"],"p_user_id": string }; Returns: Database["public"]['Tables']["payments"]['Row']
                          SetofOptions: {
        from: "*"
        to: "payments"
        isOneToOne: true
        isSetofReturn: false
      } },
"operate_model":
{ Args: { "p_action": string,"p_model_id": string,"p_operator": string,"p_reason": string,"p_settings"?: Json }; Returns: Database["public"]['Tables']["models"]['Row']
                          SetofOptions: {
        from: "*"
        to: "models"
        isOneToOne: true
        isSetofReturn: false
      } },
"operate_provider":
{ Args: { "p_action": string,"p_operator": string,"p_provider": string,"p_reason": string,"p_settings"?: Json }; Returns: {
              "failed_at": string | null,
"failures": number,
"is_drained": boolean,
"max_running": number | null,
"name": string,
"pause_reason": string | null,
"paused_until": string | null,
"starts_per_minute": number | null,
"tokens": number,
"tokens_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "providers"
        isOneToOne: true
        isSetofReturn: false
      } },
"pause_provider":
{ Args: { "p_provider": string,"p_reason": string,"p_until"?: string }; Returns: {
              "failed_at": string | null,
"failures": number,
"is_drained": boolean,
"max_running": number | null,
"name": string,
"pause_reason": string | null,
"paused_until": string | null,
"starts_per_minute": number | null,
"tokens": number,
"tokens_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "providers"
        isOneToOne: true
        isSetofReturn: false
      } },
"purge_hidden":
{ Args: { "p_limit"?: number }; Returns: Json
                           },
"receive_webhooks":
{ Args: { "p_events": Json }; Returns: {
              "event_id": string,"is_new": boolean,"provider": string
            }[]
                           },
"refund_job":
{ Args: { "p_amount"?: number,"p_idempotency_key"?: string,"p_job_id": string,"p_operator": string,"p_reason": string }; Returns: Database["public"]['Tables']["credit_transactions"]['Row']
                          SetofOptions: {
        from: "*"
        to: "credit_transactions"
        isOneToOne: true
        isSetofReturn: false
      } },
"refund_payment":
{ Args: { "p_currency"?: string,"p_payment_id": string,"p_refunded_minor": number }; Returns: Database["public"]['Tables']["payments"]['Row']
                          SetofOptions: {
        from: "*"
        to: "payments"
        isOneToOne: true
        isSetofReturn: false
      } },
"release_tasks":
{ Args: { "p_held": Json }; Returns: string[]
                           },
"renew_subscription":
{ Args: { "p_payment_id"?: string,"p_period_ends_at": string,"p_period_started_at": string,"p_subscription_id": string }; Returns: Database["public"]['Tables']["subscriptions"]['Row']
                          SetofOptions: {
        from: "*"
        to: "subscriptions"
        isOneToOne: true
        isSetofReturn: false
      } },
"replay_webhook":
{ Args: { "p_id": string,"p_operator": string,"p_reason": string }; Returns: {
              "attempts": number,
"created_at": string,
"error": string | null,
"event_id": string,
"forgiven": number,
"headers": NonNullable<Json>,
"id": string,
"is_of_payment": boolean,
"job_id": string | null,
"next_attempt_at": string | null,
"payload": NonNullable<Json>,
"payment_id": string | null,
"processed_at": string | null,
"provider": string,
"status": Database["worker"]['Enums']["webhook_status"],
"subject": string | null,
"type": string
            }
                          SetofOptions: {
        from: "*"
        to: "webhook_events"
        isOneToOne: true
        isSetofReturn: false
      } },
"resume_provider":
{ Args: { "p_provider": string }; Returns: {
              "failed_at": string | null,
"failures": number,
"is_drained": boolean,
"max_running": number | null,
"name": string,
"pause_reason": string | null,
"paused_until": string | null,
"starts_per_minute": number | null,
"tokens": number,
"tokens_at": string
            }
                          SetofOptions: {
        from: "*"
        to: "providers"
        isOneToOne: true
        isSetofReturn: false
      } },
"retry_job":
{ Args: { "p_job_id": string,"p_operator": string,"p_reason": string }; Returns: Database["public"]['Tables']["generation_jobs"]['Row']
                          SetofOptions: {
        from: "*"
        to: "generation_jobs"
        isOneToOne: true
        isSetofReturn: false
      } },
"settle_payment":
{ Args: { "p_amount_minor": number,"p_currency": string,"p_method"?: Database["public"]['Enums']["payment_method"],"p_payment_id": string,"p_provider_reference"?: string,"p_receipt_url"?: string }; Returns: Database["public"]['Tables']["payments"]['Row']
                          SetofOptions: {
        from: "*"
        to: "payments"
        isOneToOne: true
        isSetofReturn: false
      } },
"start_subscription":
{ Args: { "p_is_trial"?: boolean,"p_payment_id"?: string,"p_period_ends_at": string,"p_period_started_at": string,"p_provider"?: Database["public"]['Enums']["payment_provider"],"p_provider_reference"?: string,"p_tier": Database["public"]['Enums']["subscription_tier"],"p_user_id": string }; Returns: Database["public"]['Tables']["subscriptions"]['Row']
                          SetofOptions: {
        from: "*"
        to: "subscriptions"
        isOneToOne: true
        isSetofReturn: false
      } },
"tend_queue":
{ Args: { "p_limit"?: number }; Returns: Json
                           },
"wake_jobs":
{ Args: { "p_provider": string,"p_provider_job_ids": (string)[] }; Returns: string[]
                           }
          }
          Enums: {
            "call_result": "done"|"busy"|"lease_lost"|"refused","error_class": "permanent"|"transient"|"throttled"|"configuration"|"unknown","task_step": "submit"|"poll"|"collect","webhook_status": "received"|"processed"|"ignored"|"failed"|"dead"
          }
          CompositeTypes: {
            "claimed_task": {
                        "job_id": string | null,"user_id": string | null,"step": Database["worker"]['Enums']["task_step"] | null,"attempt": number | null,"max_attempts": number | null,"lease_expires_at": string | null,"provider": string | null,"provider_model": string | null,"provider_job_id": string | null,"provider_state": Json | null,"previous_outcome": string | null,"has_lost_inputs": boolean | null,"queued_at": string | null,"deadline_at": string | null,"kind": Database["public"]['Enums']["generation_kind"] | null,"mode": Database["public"]['Enums']["generation_mode"] | null,"model_id": string | null,"prompt": string | null,"negative_prompt": string | null,"audio_instructions": string | null,"art_style": string | null,"aspect_ratio": string | null,"resolution": string | null,"duration_seconds": number | null,"output_count": number | null,"parameters": Json | null,"inputs": Json | null
                      }
          }
        }
}

type DatabaseWithoutInternals = Omit<Database, '__InternalSupabase'>

type DefaultSchema = DatabaseWithoutInternals[Extract<keyof Database, "public">]

export type Tables<
  DefaultSchemaTableNameOrOptions extends
    | keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
        DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
      DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])[TableName] extends {
      Row: infer R
    }
    ? R
    : never
  : DefaultSchemaTableNameOrOptions extends keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
  ? (DefaultSchema["Tables"] & DefaultSchema["Views"])[DefaultSchemaTableNameOrOptions] extends {
      Row: infer R
    }
    ? R
    : never
  : never

export type TablesInsert<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Insert: infer I
    }
    ? I
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
  ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Insert: infer I
    }
    ? I
    : never
  : never

export type TablesUpdate<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Update: infer U
    }
    ? U
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
  ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Update: infer U
    }
    ? U
    : never
  : never

export type Enums<
  DefaultSchemaEnumNameOrOptions extends
    | keyof DefaultSchema["Enums"]
    | { schema: keyof DatabaseWithoutInternals },
  EnumName extends DefaultSchemaEnumNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"]
    : never = never
> = DefaultSchemaEnumNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"][EnumName]
  : DefaultSchemaEnumNameOrOptions extends keyof DefaultSchema["Enums"]
  ? DefaultSchema["Enums"][DefaultSchemaEnumNameOrOptions]
  : never

export type CompositeTypes<
  PublicCompositeTypeNameOrOptions extends
    | keyof DefaultSchema["CompositeTypes"]
    | { schema: keyof DatabaseWithoutInternals },
  CompositeTypeName extends PublicCompositeTypeNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"]
    : never = never
> = PublicCompositeTypeNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"][CompositeTypeName]
  : PublicCompositeTypeNameOrOptions extends keyof DefaultSchema["CompositeTypes"]
  ? DefaultSchema["CompositeTypes"][PublicCompositeTypeNameOrOptions]
  : never

export const Constants = {
  "public": {
          Enums: {
            "asset_kind": ["image", "video", "audio", "document"],"asset_role": ["reference_image", "source_video", "source_audio", "result_image", "result_video", "result_audio", "thumbnail", "sprite_sheet", "final_character", "subtitle"],"campaign_status": ["draft", "active", "completed", "archived"],"conversation_type": ["concept_generation", "web_research", "content_summary", "video_segmentation", "image_generation", "video_generation", "voiceover_generation", "character_generation", "general_chat"],"credit_grant_kind": ["allowance", "purchase", "bonus", "refund", "adjustment"],"generation_kind": ["text_to_image", "text_to_video", "image_to_video", "video_edit", "voiceover", "character", "concept", "web_research", "content_summary", "video_segmentation"],"generation_mode": ["draft", "fast", "standard", "ultra"],"job_actor": ["user", "service", "system"],"job_status": ["pending", "queued", "starting", "processing", "finalizing", "completed", "failed", "cancelled", "expired"],"payment_method": ["card", "promptpay", "truemoney"],"payment_provider": ["stripe", "omise", "sandbox"],"payment_status": ["pending", "processing", "succeeded", "failed", "expired", "refunded", "disputed"],"price_unit": ["job", "second", "output", "segment", "1k_characters"],"subscription_status": ["active", "trialing", "past_due", "cancelled", "ended"],"subscription_tier": ["free", "starter", "creator", "pro", "business", "enterprise"],"transaction_status": ["pending", "completed", "failed", "cancelled", "refunded"],"transaction_type": ["purchase", "deduction", "refund", "bonus", "grant", "expiration", "adjustment", "chargeback"]
          }
        },"worker": {
          Enums: {
            "call_result": ["done", "busy", "lease_lost", "refused"],"error_class": ["permanent", "transient", "throttled", "configuration", "unknown"],"task_step": ["submit", "poll", "collect"],"webhook_status": ["received", "processed", "ignored", "failed", "dead"]
          }
        }
} as const
