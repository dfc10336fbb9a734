
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[]

export type Database = {
  
  "public": {
          Tables: {
            "assets": {
                  Row: {
                    "bucket": string,"created_at": string,"duration_ms": number | null,"height": number | null,"id": string,"kind": Database["public"]['Enums']["asset_kind"],"mime_type": string,"project_id": string | null,"sha256": string | null,"size_bytes": number,"storage_path": string,"style": string | null,"thumbnail_id": string | null,"updated_at": string,"user_id": string,"width": number | null
                  }
                  ComputedFields: never
                  Insert: {
                    "bucket": string,"created_at"?: string,"duration_ms"?: number | null,"height"?: number | null,"id"?: string,"kind": Database["public"]['Enums']["asset_kind"],"mime_type": string,"project_id"?: string | null,"sha256"?: string | null,"size_bytes": number,"storage_path": string,"style"?: string | null,"thumbnail_id"?: string | null,"updated_at"?: string,"user_id"?: string,"width"?: number | null
                  }
                  Update: {
                    "bucket"?: string,"created_at"?: string,"duration_ms"?: number | null,"height"?: number | null,"id"?: string,"kind"?: Database["public"]['Enums']["asset_kind"],"mime_type"?: string,"project_id"?: string | null,"sha256"?: string | null,"size_bytes"?: number,"storage_path"?: string,"style"?: string | null,"thumbnail_id"?: string | null,"updated_at"?: string,"user_id"?: string,"width"?: number | null
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
      foreignKeyName: "assets_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    }
                  ]
                },"credit_accounts": {
                  Row: {
                    "balance": number,"created_at": string,"debt": number,"last_transaction_at": string | null,"lifetime_earned": number,"lifetime_spent": number,"monthly_allowance": number,"period_ends_at": string | null,"period_started_at": string | null,"updated_at": string,"user_id": string,"version": number
                  }
                  ComputedFields: never
                  Insert: {
                    "balance"?: number,"created_at"?: string,"debt"?: number,"last_transaction_at"?: string | null,"lifetime_earned"?: number,"lifetime_spent"?: number,"monthly_allowance"?: number,"period_ends_at"?: string | null,"period_started_at"?: string | null,"updated_at"?: string,"user_id": string,"version"?: number
                  }
                  Update: {
                    "balance"?: number,"created_at"?: string,"debt"?: number,"last_transaction_at"?: string | null,"lifetime_earned"?: number,"lifetime_spent"?: number,"monthly_allowance"?: number,"period_ends_at"?: string | null,"period_started_at"?: string | null,"updated_at"?: string,"user_id"?: string,"version"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "credit_accounts_user_id_fkey"
      columns: ["user_id"]
isOneToOne: true
      referencedRelation: "profiles"
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
                    "amount": number,"created_at": string,"expires_at": string | null,"id": string,"kind": Database["public"]['Enums']["credit_grant_kind"],"priority": number,"remaining": number,"source_key": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "amount": number,"created_at"?: string,"expires_at"?: string | null,"id"?: string,"kind": Database["public"]['Enums']["credit_grant_kind"],"priority"?: number,"remaining": number,"source_key": string,"user_id": string
                  }
                  Update: {
                    "amount"?: number,"created_at"?: string,"expires_at"?: string | null,"id"?: string,"kind"?: Database["public"]['Enums']["credit_grant_kind"],"priority"?: number,"remaining"?: number,"source_key"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "credit_grants_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
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
                    "amount": number,"balance_after": number,"created_at": string,"description": string | null,"id": string,"idempotency_key": string | null,"is_edit_call": boolean,"job_id": string | null,"metadata": NonNullable<Json>,"model_id": string | null,"operation_type": Database["public"]['Enums']["generation_kind"] | null,"processed_at": string | null,"reverses_id": string | null,"status": Database["public"]['Enums']["transaction_status"],"type": Database["public"]['Enums']["transaction_type"],"user_id": string,"version": number
                  }
                  ComputedFields: never
                  Insert: {
                    "amount": number,"balance_after": number,"created_at"?: string,"description"?: string | null,"id"?: string,"idempotency_key"?: string | null,"is_edit_call"?: boolean,"job_id"?: string | null,"metadata"?: NonNullable<Json>,"model_id"?: string | null,"operation_type"?: Database["public"]['Enums']["generation_kind"] | null,"processed_at"?: string | null,"reverses_id"?: string | null,"status"?: Database["public"]['Enums']["transaction_status"],"type": Database["public"]['Enums']["transaction_type"],"user_id": string,"version": number
                  }
                  Update: {
                    "amount"?: number,"balance_after"?: number,"created_at"?: string,"description"?: string | null,"id"?: string,"idempotency_key"?: string | null,"is_edit_call"?: boolean,"job_id"?: string | null,"metadata"?: NonNullable<Json>,"model_id"?: string | null,"operation_type"?: Database["public"]['Enums']["generation_kind"] | null,"processed_at"?: string | null,"reverses_id"?: string | null,"status"?: Database["public"]['Enums']["transaction_status"],"type"?: Database["public"]['Enums']["transaction_type"],"user_id"?: string,"version"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "credit_transactions_job_id_fkey"
      columns: ["job_id"]
isOneToOne: false
      referencedRelation: "generation_jobs"
      referencedColumns: ["id"]
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
    }
                  ]
                },"generation_jobs": {
                  Row: {
                    "art_style": string | null,"aspect_ratio": string | null,"attempt_count": number,"audio_instructions": string | null,"created_at": string,"credit_cost": number,"credit_transaction_id": string | null,"duration_seconds": number | null,"error_code": string | null,"error_message": string | null,"finished_at": string | null,"hidden_at": string | null,"id": string,"idempotency_key": string | null,"is_edit_call": boolean,"is_refunded": boolean,"kind": Database["public"]['Enums']["generation_kind"],"max_attempts": number,"mode": Database["public"]['Enums']["generation_mode"],"model_id": string,"negative_prompt": string | null,"output_count": number,"parameters": NonNullable<Json>,"parent_job_id": string | null,"priority": number,"progress": number,"project_id": string | null,"prompt": string,"provider": string,"provider_job_id": string | null,"queued_at": string | null,"resolution": string | null,"started_at": string | null,"status": Database["public"]['Enums']["job_status"],"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "art_style"?: string | null,"aspect_ratio"?: string | null,"attempt_count"?: number,"audio_instructions"?: string | null,"created_at"?: string,"credit_cost": number,"credit_transaction_id"?: string | null,"duration_seconds"?: number | null,"error_code"?: string | null,"error_message"?: string | null,"finished_at"?: string | null,"hidden_at"?: string | null,"id"?: string,"idempotency_key"?: string | null,"is_edit_call"?: boolean,"is_refunded"?: boolean,"kind": Database["public"]['Enums']["generation_kind"],"max_attempts"?: number,"mode"?: Database["public"]['Enums']["generation_mode"],"model_id": string,"negative_prompt"?: string | null,"output_count"?: number,"parameters"?: NonNullable<Json>,"parent_job_id"?: string | null,"priority"?: number,"progress"?: number,"project_id"?: string | null,"prompt": string,"provider": string,"provider_job_id"?: string | null,"queued_at"?: string | null,"resolution"?: string | null,"started_at"?: string | null,"status"?: Database["public"]['Enums']["job_status"],"updated_at"?: string,"user_id"?: string
                  }
                  Update: {
                    "art_style"?: string | null,"aspect_ratio"?: string | null,"attempt_count"?: number,"audio_instructions"?: string | null,"created_at"?: string,"credit_cost"?: number,"credit_transaction_id"?: string | null,"duration_seconds"?: number | null,"error_code"?: string | null,"error_message"?: string | null,"finished_at"?: string | null,"hidden_at"?: string | null,"id"?: string,"idempotency_key"?: string | null,"is_edit_call"?: boolean,"is_refunded"?: boolean,"kind"?: Database["public"]['Enums']["generation_kind"],"max_attempts"?: number,"mode"?: Database["public"]['Enums']["generation_mode"],"model_id"?: string,"negative_prompt"?: string | null,"output_count"?: number,"parameters"?: NonNullable<Json>,"parent_job_id"?: string | null,"priority"?: number,"progress"?: number,"project_id"?: string | null,"prompt"?: string,"provider"?: string,"provider_job_id"?: string | null,"queued_at"?: string | null,"resolution"?: string | null,"started_at"?: string | null,"status"?: Database["public"]['Enums']["job_status"],"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "generation_jobs_credit_transaction_id_fkey"
      columns: ["credit_transaction_id"]
isOneToOne: false
      referencedRelation: "credit_statement"
      referencedColumns: ["transaction_id"]
    },{
      foreignKeyName: "generation_jobs_credit_transaction_id_fkey"
      columns: ["credit_transaction_id"]
isOneToOne: false
      referencedRelation: "credit_transactions"
      referencedColumns: ["id"]
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
      referencedRelation: "generation_jobs"
      referencedColumns: ["id","user_id"]
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
      foreignKeyName: "job_assets_job_is_the_owners"
      columns: ["job_id","user_id"]
isOneToOne: false
      referencedRelation: "generation_jobs"
      referencedColumns: ["id","user_id"]
    }
                  ]
                },"job_events": {
                  Row: {
                    "actor": string,"created_at": string,"from_status": Database["public"]['Enums']["job_status"] | null,"id": number,"job_id": string,"note": string | null,"to_status": Database["public"]['Enums']["job_status"],"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "actor": string,"created_at"?: string,"from_status"?: Database["public"]['Enums']["job_status"] | null,"id"?: never,"job_id": string,"note"?: string | null,"to_status": Database["public"]['Enums']["job_status"],"user_id": string
                  }
                  Update: {
                    "actor"?: string,"created_at"?: string,"from_status"?: Database["public"]['Enums']["job_status"] | null,"id"?: never,"job_id"?: string,"note"?: string | null,"to_status"?: Database["public"]['Enums']["job_status"],"user_id"?: string
                  }
                  Relationships: [
                    {
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
                    "aspect_ratios": (string)[],"created_at": string,"default_seconds": number | null,"description": string | null,"display_name": string,"id": string,"is_active": boolean,"kinds": (Database["public"]['Enums']["generation_kind"])[],"max_outputs": number,"max_prompt_characters": number,"max_reference_images": number,"max_seconds": number | null,"min_seconds": number | null,"modes": (Database["public"]['Enums']["generation_mode"])[],"provider": string,"provider_model": string,"resolutions": (string)[],"sort_order": number,"updated_at": string,"version": string
                  }
                  ComputedFields: never
                  Insert: {
                    "aspect_ratios"?: (string)[],"created_at"?: string,"default_seconds"?: number | null,"description"?: string | null,"display_name": string,"id": string,"is_active"?: boolean,"kinds": (Database["public"]['Enums']["generation_kind"])[],"max_outputs"?: number,"max_prompt_characters"?: number,"max_reference_images"?: number,"max_seconds"?: number | null,"min_seconds"?: number | null,"modes": (Database["public"]['Enums']["generation_mode"])[],"provider": string,"provider_model": string,"resolutions"?: (string)[],"sort_order"?: number,"updated_at"?: string,"version"?: string
                  }
                  Update: {
                    "aspect_ratios"?: (string)[],"created_at"?: string,"default_seconds"?: number | null,"description"?: string | null,"display_name"?: string,"id"?: string,"is_active"?: boolean,"kinds"?: (Database["public"]['Enums']["generation_kind"])[],"max_outputs"?: number,"max_prompt_characters"?: number,"max_reference_images"?: number,"max_seconds"?: number | null,"min_seconds"?: number | null,"modes"?: (Database["public"]['Enums']["generation_mode"])[],"provider"?: string,"provider_model"?: string,"resolutions"?: (string)[],"sort_order"?: number,"updated_at"?: string,"version"?: string
                  }
                  Relationships: [
                    
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
                    "created_at": string,"deleted_at": string | null,"description": string | null,"id": string,"is_public": boolean,"name": string,"share_token": string | null,"updated_at": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"deleted_at"?: string | null,"description"?: string | null,"id"?: string,"is_public"?: boolean,"name": string,"share_token"?: string | null,"updated_at"?: string,"user_id"?: string
                  }
                  Update: {
                    "created_at"?: string,"deleted_at"?: string | null,"description"?: string | null,"id"?: string,"is_public"?: boolean,"name"?: string,"share_token"?: string | null,"updated_at"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "projects_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    }
                  ]
                },"subscription_plans": {
                  Row: {
                    "created_at": string,"currency": string,"description": string | null,"is_active": boolean,"job_priority": number,"max_active_jobs": number,"max_running_jobs": number,"monthly_allowance": number,"name": string,"price_minor": number,"sort_order": number,"tier": Database["public"]['Enums']["subscription_tier"],"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"currency": string,"description"?: string | null,"is_active"?: boolean,"job_priority"?: number,"max_active_jobs": number,"max_running_jobs": number,"monthly_allowance": number,"name": string,"price_minor": number,"sort_order"?: number,"tier": Database["public"]['Enums']["subscription_tier"],"updated_at"?: string
                  }
                  Update: {
                    "created_at"?: string,"currency"?: string,"description"?: string | null,"is_active"?: boolean,"job_priority"?: number,"max_active_jobs"?: number,"max_running_jobs"?: number,"monthly_allowance"?: number,"name"?: string,"price_minor"?: number,"sort_order"?: number,"tier"?: Database["public"]['Enums']["subscription_tier"],"updated_at"?: string
                  }
                  Relationships: [
                    
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
      referencedRelation: "generation_jobs"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "user_prompts_reference_is_the_owners"
      columns: ["reference_asset_id","user_id"]
isOneToOne: false
      referencedRelation: "assets"
      referencedColumns: ["id","user_id"]
    },{
      foreignKeyName: "user_prompts_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
      referencedColumns: ["user_id"]
    }
                  ]
                }
          }
          Views: {
            "credit_statement": {
                  Row: {
                    "amount": number,"balance_after": number,"created_at": string,"description": string | null,"job_id": string | null,"model_id": string | null,"operation_type": Database["public"]['Enums']["generation_kind"] | null,"status": Database["public"]['Enums']["transaction_status"],"transaction_id": string,"type": Database["public"]['Enums']["transaction_type"],"user_id": string,"version": number
                  }
                  ComputedFields: never
                  Insert: {
                           "amount"?: number | null,"balance_after"?: number | null,"created_at"?: string | null,"description"?: string | null,"job_id"?: string | null,"model_id"?: string | null,"operation_type"?: Database["public"]['Enums']["generation_kind"] | null,"status"?: Database["public"]['Enums']["transaction_status"] | null,"transaction_id"?: string | null,"type"?: Database["public"]['Enums']["transaction_type"] | null,"user_id"?: string | null,"version"?: number | null
                         }
                        Update: {
                           "amount"?: number | null,"balance_after"?: number | null,"created_at"?: string | null,"description"?: string | null,"job_id"?: string | null,"model_id"?: string | null,"operation_type"?: Database["public"]['Enums']["generation_kind"] | null,"status"?: Database["public"]['Enums']["transaction_status"] | null,"transaction_id"?: string | null,"type"?: Database["public"]['Enums']["transaction_type"] | null,"user_id"?: string | null,"version"?: number | null
                         }
                        Relationships: [
                    {
      foreignKeyName: "credit_transactions_job_id_fkey"
      columns: ["job_id"]
isOneToOne: false
      referencedRelation: "generation_jobs"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "credit_transactions_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "profiles"
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
"created_at": string,
"credit_cost": number,
"credit_transaction_id": string | null,
"duration_seconds": number | null,
"error_code": string | null,
"error_message": string | null,
"finished_at": string | null,
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
"queued_at": string | null,
"resolution": string | null,
"started_at": string | null,
"status": Database["public"]['Enums']["job_status"],
"updated_at": string,
"user_id": string
            }
                          SetofOptions: {
        from: "*"
        to: "generation_jobs"
        isOneToOne: true
        isSetofReturn: false
      } },
"queue_generation":
{ Args: { "p_job_id": string }; Returns: {
              "art_style": string | null,
"aspect_ratio": string | null,
"attempt_count": number,
"audio_instructions": string | null,
"created_at": string,
"credit_cost": number,
"credit_transaction_id": string | null,
"duration_seconds": number | null,
"error_code": string | null,
"error_message": string | null,
"finished_at": string | null,
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
"queued_at": string | null,
"resolution": string | null,
"started_at": string | null,
"status": Database["public"]['Enums']["job_status"],
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
"submit_generation":
{ Args: { "p_art_style"?: string,"p_aspect_ratio"?: string,"p_audio_instructions"?: string,"p_duration_seconds"?: number,"p_idempotency_key"?: string,"p_kind": Database["public"]['Enums']["generation_kind"],"p_mode"?: Database["public"]['Enums']["generation_mode"],"p_model_id"?: string,"p_negative_prompt"?: string,"p_output_count"?: number,"p_parameters"?: Json,"p_parent_job_id"?: string,"p_project_id"?: string,"p_prompt": string,"p_reference_asset_ids"?: (string)[],"p_resolution"?: string }; Returns: {
              "art_style": string | null,
"aspect_ratio": string | null,
"attempt_count": number,
"audio_instructions": string | null,
"created_at": string,
"credit_cost": number,
"credit_transaction_id": string | null,
"duration_seconds": number | null,
"error_code": string | null,
"error_message": string | null,
"finished_at": string | null,
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
"queued_at": string | null,
"resolution": string | null,
"started_at": string | null,
"status": Database["public"]['Enums']["job_status"],
"updated_at": string,
"user_id": string
            }
                          SetofOptions: {
        from: "*"
        to: "generation_jobs"
        isOneToOne: true
        isSetofReturn: false
      } }
          }
          Enums: {
            "asset_kind": "image"|"video"|"audio"|"document","asset_role": "reference_image"|"source_video"|"source_audio"|"result_image"|"result_video"|"result_audio"|"thumbnail"|"sprite_sheet"|"final_character"|"subtitle","credit_grant_kind": "allowance"|"purchase"|"bonus"|"refund"|"adjustment","generation_kind": "text_to_image"|"text_to_video"|"image_to_video"|"video_edit"|"voiceover"|"character"|"concept"|"web_research"|"content_summary"|"video_segmentation","generation_mode": "draft"|"fast"|"standard"|"ultra","job_status": "pending"|"queued"|"starting"|"processing"|"finalizing"|"completed"|"failed"|"cancelled"|"expired","price_unit": "job"|"second"|"output"|"segment"|"1k_characters","subscription_tier": "free"|"starter"|"creator"|"pro"|"business"|"enterprise","transaction_status": "pending"|"completed"|"failed"|"cancelled"|"refunded","transaction_type": "purchase"|"deduction"|"refund"|"bonus"|"grant"|"expiration"|"adjustment"|"chargeback"
          }
          CompositeTypes: {
            "generation_quote": {
                        "model_id": string | null,"provider": string | null,"aspect_ratio": string | null,"resolution": string | null,"duration_seconds": number | null,"unit": Database["public"]['Enums']["price_unit"] | null,"quantity": number | null,"is_edit_call": boolean | null,"credits": number | null
                      }
          }
        },"worker": {
          Tables: {
            "attempts": {
                  Row: {
                    "attempt": number,"error_code": string | null,"error_message": string | null,"finished_at": string | null,"job_id": string,"lease": string,"outcome": string,"provider": string,"provider_job_id": string | null,"started_at": string,"worker": string
                  }
                  ComputedFields: never
                  Insert: {
                    "attempt": number,"error_code"?: string | null,"error_message"?: string | null,"finished_at"?: string | null,"job_id": string,"lease": string,"outcome"?: string,"provider": string,"provider_job_id"?: string | null,"started_at"?: string,"worker": string
                  }
                  Update: {
                    "attempt"?: number,"error_code"?: string | null,"error_message"?: string | null,"finished_at"?: string | null,"job_id"?: string,"lease"?: string,"outcome"?: string,"provider"?: string,"provider_job_id"?: string | null,"started_at"?: string,"worker"?: string
                  }
                  Relationships: [
                    
                  ]
                },"tasks": {
                  Row: {
                    "available_at": string,"created_at": string,"job_id": string,"kind": Database["public"]['Enums']["generation_kind"],"lease": string | null,"priority": number,"provider": string,"step": Database["worker"]['Enums']["task_step"],"user_id": string,"worker": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "available_at": string,"created_at"?: string,"job_id": string,"kind": Database["public"]['Enums']["generation_kind"],"lease"?: string | null,"priority"?: number,"provider": string,"step"?: Database["worker"]['Enums']["task_step"],"user_id": string,"worker"?: string | null
                  }
                  Update: {
                    "available_at"?: string,"created_at"?: string,"job_id"?: string,"kind"?: Database["public"]['Enums']["generation_kind"],"lease"?: string | null,"priority"?: number,"provider"?: string,"step"?: Database["worker"]['Enums']["task_step"],"user_id"?: string,"worker"?: string | null
                  }
                  Relationships: [
                    
                  ]
                }
          }
          Views: {
            [_ in never]: never
          }
          Functions: {
            "advance_job":
{ Args: { "p_job_id": string,"p_lease": string,"p_poll_after_seconds"?: number,"p_provider_job_id"?: string,"p_status": Database["public"]['Enums']["job_status"] }; Returns: undefined
                           },
"claim_tasks":
{ Args: { "p_lease": string,"p_lease_seconds"?: number,"p_limit"?: number,"p_providers": (string)[],"p_worker": string }; Returns: Database["worker"]['CompositeTypes']["claimed_task"][]
                          SetofOptions: {
        from: "*"
        to: "claimed_task"
        isOneToOne: false
        isSetofReturn: true
      } },
"complete_job":
{ Args: { "p_assets": Json,"p_job_id": string,"p_lease": string }; Returns: undefined
                           },
"extend_leases":
{ Args: { "p_held": Json,"p_lease_seconds"?: number }; Returns: string[]
                           },
"fail_exhausted_jobs":
{ Args: { "p_limit"?: number }; Returns: string[]
                           },
"fail_job":
{ Args: { "p_error_code": string,"p_error_message": string,"p_job_id": string,"p_lease": string,"p_retry": boolean,"p_retry_after_seconds"?: number }; Returns: Database["public"]['Enums']["job_status"]
                           },
"release_tasks":
{ Args: { "p_held": Json }; Returns: string[]
                           }
          }
          Enums: {
            "task_step": "submit"|"poll"|"collect"
          }
          CompositeTypes: {
            "claimed_task": {
                        "job_id": string | null,"user_id": string | null,"step": Database["worker"]['Enums']["task_step"] | null,"attempt": number | null,"max_attempts": number | null,"lease_expires_at": string | null,"provider": string | null,"provider_model": string | null,"provider_job_id": string | null,"previous_outcome": string | null,"kind": Database["public"]['Enums']["generation_kind"] | null,"mode": Database["public"]['Enums']["generation_mode"] | null,"model_id": string | null,"prompt": string | null,"negative_prompt": string | null,"audio_instructions": string | null,"art_style": string | null,"aspect_ratio": string | null,"resolution": string | null,"duration_seconds": number | null,"output_count": number | null,"parameters": Json | null,"inputs": Json | null
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
            "asset_kind": ["image", "video", "audio", "document"],"asset_role": ["reference_image", "source_video", "source_audio", "result_image", "result_video", "result_audio", "thumbnail", "sprite_sheet", "final_character", "subtitle"],"credit_grant_kind": ["allowance", "purchase", "bonus", "refund", "adjustment"],"generation_kind": ["text_to_image", "text_to_video", "image_to_video", "video_edit", "voiceover", "character", "concept", "web_research", "content_summary", "video_segmentation"],"generation_mode": ["draft", "fast", "standard", "ultra"],"job_status": ["pending", "queued", "starting", "processing", "finalizing", "completed", "failed", "cancelled", "expired"],"price_unit": ["job", "second", "output", "segment", "1k_characters"],"subscription_tier": ["free", "starter", "creator", "pro", "business", "enterprise"],"transaction_status": ["pending", "completed", "failed", "cancelled", "refunded"],"transaction_type": ["purchase", "deduction", "refund", "bonus", "grant", "expiration", "adjustment", "chargeback"]
          }
        },"worker": {
          Enums: {
            "task_step": ["submit", "poll", "collect"]
          }
        }
} as const
