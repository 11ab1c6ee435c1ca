with

source as (

    select *
    from {{ source('reference', 'account_map') }}
    where closed_at is null

),

renamed as (

    select
        ---------- ids
        cost_group_id,
        ---------- text
        measure,
        debit_account,
        credit_account
    from source

)

select * from renamed
