# Makes the numbered migrations of a folder part of a library: embed_sql(TARGET FOLDER) adds a generated C file with the
# table `schema_migrations` (core/store/sqlite/migrate.h). The same file is the script that writes it.
if(CMAKE_SCRIPT_MODE_FILE)
	file(GLOB scripts "${FOLDER}/[0-9]*.sql")
	list(SORT scripts)
	set(arrays "")
	set(entries "")
	set(number 0)
	foreach(script ${scripts})
		math(EXPR number "${number} + 1")
		file(READ ${script} bytes HEX)
		string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
		string(REGEX REPLACE "((0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,))" "\\1\n\t" bytes "${bytes}")
		string(APPEND arrays "static const char migration_${number}[] = {\n\t${bytes}0x00,\n};\n\n")
		string(APPEND entries "\tmigration_${number},\n")
	endforeach()
	file(WRITE ${OUTPUT} "#include \"store/sqlite/migrate.h\"\n\n${arrays}"
		"const char *const schema_migrations[] = {\n${entries}};\nconst int schema_version = ${number};\n")
	return()
endif()

set(EMBED_SQL_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
function(embed_sql target folder)
	file(GLOB scripts CONFIGURE_DEPENDS ${folder}/[0-9]*.sql)
	set(output ${CMAKE_CURRENT_BINARY_DIR}/${target}_schema.c)
	add_custom_command(OUTPUT ${output} DEPENDS ${scripts} ${EMBED_SQL_SCRIPT}
		COMMAND ${CMAKE_COMMAND} -DFOLDER=${folder} -DOUTPUT=${output} -P ${EMBED_SQL_SCRIPT})
	target_sources(${target} PRIVATE ${output})
endfunction()
